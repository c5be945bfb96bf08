"""Keys, and the count of their changes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("grant", sa.JSON, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("revoked_ns", sa.BigInteger),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
    )
    op.create_index(
        "api_keys_usable_name",
        "api_keys",
        ["name"],
        unique=True,
        sqlite_where=sa.text("revoked_ns IS NULL"),
        postgresql_where=sa.text("revoked_ns IS NULL"),
    )
    key_changes = op.create_table(
        "key_changes",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(key_changes, [{"id": 1, "count": 0}])
