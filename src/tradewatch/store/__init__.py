"""The store process: records what the log takes, keeps it in order, and answers what the edge asks."""
