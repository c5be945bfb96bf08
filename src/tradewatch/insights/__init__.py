"""Insights: short texts about a market, which operators write and the REST API shows."""
