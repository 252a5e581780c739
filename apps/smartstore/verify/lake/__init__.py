"""The lake against the topics: each table, as far as it says it goes."""
