"""How Alembic runs here: on the connection, and inside the transaction, that `smartstore.serving.migrate` opened."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=None, version_table_schema="ops")
with context.begin_transaction():
    context.run_migrations()
