"""The simulated retailer, replay of recorded data, and the source that writes both to the ledger and to Redis."""
