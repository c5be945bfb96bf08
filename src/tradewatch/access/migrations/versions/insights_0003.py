"""What operators say about the markets."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "insights",
        sa.Column("id", sa.String(20), primary_key=True),
        sa.Column("asset_class", sa.String(16), nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("insights_by_class", "insights", ["asset_class", "timestamp_ms", "id"])
    op.create_index("insights_by_age", "insights", ["timestamp_ms", "id"])
