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
    Text,
    inspect,
    text,
)

from tradewatch.access.key import MAX_NAME_CHARS

#: The revision of the newest migration.
SCHEMA_VERSION = "0003"

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

#: One row per key, hour and server process; the columns are those of `UsageRow`, with `Counts` spread out.
#: Keys that live in memory only have rows too, so there need be none in `api_keys`.
USAGE = Table(
    "usage",
    METADATA,
    Column("key_id", String(12), primary_key=True),
    Column("hour_s", BigInteger, primary_key=True, autoincrement=False),
    Column("gateway", String(64), primary_key=True),
    Column("connections", BigInteger, nullable=False),
    Column("messages_in", BigInteger, nullable=False),
    Column("bytes_in", BigInteger, nullable=False),
    Column("bytes_out", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("rest_bytes_in", BigInteger, nullable=False),
    Column("rest_bytes_out", BigInteger, nullable=False),
    Column("peak_connections", BigInteger, nullable=False),
    Column("lags", JSON, nullable=False),
)

#: For what is read over all keys, and for what has become too old.
Index("usage_hours", USAGE.c.hour_s)

#: One row per insight and class; `id` is made of the rest, and `body` is what clients read, in JSON.
INSIGHTS = Table(
    "insights",
    METADATA,
    Column("id", String(20), primary_key=True),
    Column("asset_class", String(16), nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

#: For the pages of one class, and for what gives way when there are too many.
Index("insights_by_class", INSIGHTS.c.asset_class, INSIGHTS.c.timestamp_ms, INSIGHTS.c.id)
Index("insights_by_age", INSIGHTS.c.timestamp_ms, INSIGHTS.c.id)


def version_of(connection: Connection) -> str | None:
    """The version that a database has; None for a new one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version
