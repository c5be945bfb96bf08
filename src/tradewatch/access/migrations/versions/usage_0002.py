"""What keys use, by the hour."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "usage",
        sa.Column("key_id", sa.String(12), primary_key=True),
        sa.Column("hour_s", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("gateway", sa.String(64), primary_key=True),
        sa.Column("connections", sa.BigInteger, nullable=False),
        sa.Column("messages_in", sa.BigInteger, nullable=False),
        sa.Column("bytes_in", sa.BigInteger, nullable=False),
        sa.Column("bytes_out", sa.BigInteger, nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("skipped", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("rest_bytes_in", sa.BigInteger, nullable=False),
        sa.Column("rest_bytes_out", sa.BigInteger, nullable=False),
        sa.Column("peak_connections", sa.BigInteger, nullable=False),
        sa.Column("lags", sa.JSON, nullable=False),
    )
    op.create_index("usage_hours", "usage", ["hour_s"])
