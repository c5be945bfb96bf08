"""The client of the REST API: quotes, symbols, candles and ticks, the latter two into data frames."""
