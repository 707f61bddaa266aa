"""Where records are kept: one protocol, and the two repositories that speak it."""
