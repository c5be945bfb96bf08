"""The values of the market: asset classes, instruments, exact prices, records, positions. No I/O."""
