"""Feeds: where quotes come from. A source yields records and says how it is; the runner does the rest."""
