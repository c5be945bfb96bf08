"""Self-hosted market-data streaming: any sources of quotes become one exact WebSocket stream."""

__version__ = "0.1.0"
