"""The tape: every record in the order it was accepted, numbered, on the log before anybody sees it."""
