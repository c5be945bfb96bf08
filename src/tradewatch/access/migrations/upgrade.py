"""Running the migrations."""

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from tradewatch.access.schema import SCHEMA_VERSION, version_of
from tradewatch.errors import KeyStoreError


def upgrade(connection: Connection) -> None:
    """Run the steps that a database lacks, in the transaction that is open on `connection`.

    Raises:
        KeyStoreError: the database has a version that none of the migrations leads from.
    """
    config = Config()
    config.set_main_option("script_location", "tradewatch.access:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise KeyStoreError(
            f"{connection.engine.url.database} has version {version_of(connection)!r}, which this program"
            f" does not know; its own is {SCHEMA_VERSION!r}"
        ) from error
