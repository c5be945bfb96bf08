"""How the parts of a server are put together; with `app`, all that knows every adapter."""
