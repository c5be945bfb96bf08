"""The history in DuckDB: what came last in its database, the rest in sorted Parquet files behind it."""
