"""`/asyncapi.json`: the stream as a document, made from the code that reads and writes its messages."""
