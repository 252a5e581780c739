"""Postgres for people and programs: its schema, its roles, and the connectors that keep it current."""
