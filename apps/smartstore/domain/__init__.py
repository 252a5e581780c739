"""Pure business rules and the stock jobs made of them: no I/O, no clock, no randomness."""
