"""Dialect v2: for clients that must know what they did not get. A message is an array of events."""
