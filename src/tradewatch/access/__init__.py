"""Who may do what: API keys, what they allow, and where they are kept."""
