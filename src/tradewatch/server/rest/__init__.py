"""The REST edge: plain HTTP beside the stream, behind the same port."""
