"""Recomputes from the world's ledger what the system must show, and compares it with Postgres and Kafka.

Written from docs/stock-rules.md and docs/architecture.md alone: it shares the contracts with the jobs, never code.
"""
