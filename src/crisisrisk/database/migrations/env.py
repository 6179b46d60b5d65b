"""Where Alembic starts. `database/upgrade.py` hands over a connection that is inside a transaction."""

from alembic import context

from crisisrisk.database.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    compare_type=True,
)
context.run_migrations()
