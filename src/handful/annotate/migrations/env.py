"""What Alembic runs: the migrations, on the connection and in the transaction of whoever opens the ledger."""

from alembic import context

from handful.annotate.database import VERSION_TABLE
from handful.annotate.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
context.run_migrations()
