"""Publishing: batches of quotes from programs, ordered, idempotent, answered with positions. No I/O."""
