"""Fan-out: from one tape to everybody who asked. Decisions only; bytes leave through the edges."""
