"""The edges: what stands between the wire and the decisions."""
