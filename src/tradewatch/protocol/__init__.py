"""The client wire: messages, codes, limits, the connection's decisions. No I/O."""
