"""The same data at rest: quotes as columns, candles folded from them, and where both are kept."""
