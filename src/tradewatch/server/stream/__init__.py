"""The stream edge: the door, the handshake, WebSocket connections and their keep-alive."""
