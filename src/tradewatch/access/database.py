"""The access database: its file, its connections, its version."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from tradewatch.access.schema import SCHEMA_VERSION, version_of
from tradewatch.errors import DataDirectoryError, KeyStoreError

FILE_NAME = "access.db"

# busy_timeout comes first: the others may already have to wait.
_PRAGMAS = ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")


def open_database(data_dir: Path) -> Engine:
    """The SQLite database of a data directory, both made where they are missing, in its present version.

    Takes no lock on the directory. Any number of processes may do this at one time.

    Raises:
        DataDirectoryError: the directory or the file cannot be made.
        KeyStoreError: the file is no database, or one of a newer version.
    """
    path = data_dir / FILE_NAME
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create_file(path)
    except OSError as error:
        raise DataDirectoryError(f"cannot make {path}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise DataDirectoryError(f"cannot make {path}: {error}") from error
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin)
    try:
        _bring_up_to_date(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the database.

    Raises:
        KeyStoreError: the database does not answer; says what it said.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except (DBAPIError, sqlite3.Error) as error:  # the latter from `_prepare_connection`
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise KeyStoreError(f"{engine.url.database}: {reason}") from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the right to write from its start, so that it never fails half way for it.

    Raises:
        KeyStoreError: the database does not answer, or is locked for 5 s; says what it said.
    """
    with reading(engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")) as connection, connection.begin():
        yield connection


def _create_file(path: Path) -> None:
    """An empty database in WAL mode, readable by its owner only.

    SQLite does not wait when two connections switch one new file to WAL; so the file is switched under a name
    of its own and appears whole under the real one, or not at all where another process was first.
    """
    descriptor, own_name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    os.close(descriptor)
    try:
        with closing(sqlite3.connect(own_name)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        path.hardlink_to(own_name)
    except FileExistsError:
        pass
    finally:
        Path(own_name).unlink()


def _prepare_connection(connection: sqlite3.Connection, _record: object) -> None:
    """Leave transactions to `_begin` (the driver would open them late), and set what holds per connection."""
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Open a transaction, for writing where `writing` asks for it."""
    options: Mapping[str, Any] = connection.get_execution_options()
    connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN"))


def _bring_up_to_date(engine: Engine) -> None:
    """Bring the tables to `SCHEMA_VERSION`."""
    with reading(engine) as connection:
        if version_of(connection) == SCHEMA_VERSION:
            return
    # Alembic takes a second to import: only where there is work for it.
    from tradewatch.access.migrations.upgrade import upgrade  # noqa: PLC0415

    with writing(engine) as connection:
        upgrade(connection)
