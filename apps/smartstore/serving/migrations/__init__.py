"""Alembic's place: what cannot be derived from the contracts, as ordered revisions."""
