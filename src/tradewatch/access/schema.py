"""The tables of the access database, in types that SQLite and PostgreSQL share.

A change here needs a migration in `migrations/versions` and the new `SCHEMA_VERSION`.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    inspect,
    text,
)

from tradewatch.access.key import MAX_NAME_CHARS

#: The revision of the newest migration.
SCHEMA_VERSION = "0001"

METADATA = MetaData()

#: One row per key; the columns are the attributes of `Key`.
API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", String(12), primary_key=True),
    Column("name", String(MAX_NAME_CHARS), nullable=False),
    Column("plan", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("grant", JSON, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("revoked_ns", BigInteger),
    Column("digest", LargeBinary(32), nullable=False),
)

#: Two keys may share a name only where one of them is revoked.
Index(
    "api_keys_usable_name",
    API_KEYS.c.name,
    unique=True,
    sqlite_where=API_KEYS.c.revoked_ns.is_(None),
    postgresql_where=API_KEYS.c.revoked_ns.is_(None),
)

#: One row that counts the changes to `api_keys`: servers poll it, and writers queue at it.
KEY_CHANGES = Table(
    "key_changes",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
)


def version_of(connection: Connection) -> str | None:
    """The version that a database has; None for a new one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version
