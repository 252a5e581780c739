"""The lake: Delta tables that mirror the topics, written exactly once, and what reads them from the terminal."""
