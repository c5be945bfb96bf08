"""The tables and the migrations that lead to them."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex

from tradewatch.access.database import open_database, reading
from tradewatch.access.schema import API_KEYS, METADATA, SCHEMA_VERSION, version_of


def test_the_migrations_end_at_the_version_the_schema_says():
    config = Config()
    config.set_main_option("script_location", "tradewatch.access:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]


def test_the_migrations_make_the_tables_that_the_schema_says(tmp_path: Path):
    engine = open_database(tmp_path)
    with reading(engine) as connection:
        assert version_of(connection) == SCHEMA_VERSION
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


@pytest.mark.parametrize(
    "dialect", [sqlite.dialect(), postgresql.dialect()], ids=lambda dialect: dialect.name
)
def test_names_are_unique_among_usable_keys_in_either_database(dialect: object):
    (index,) = API_KEYS.indexes
    assert str(CreateIndex(index).compile(dialect=dialect)) == (
        "CREATE UNIQUE INDEX api_keys_usable_name ON api_keys (name) WHERE revoked_ns IS NULL"
    )
