"""What is known of the market beside its prices: instruments now; exchanges and calendars later."""
