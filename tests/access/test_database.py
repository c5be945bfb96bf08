"""The database file: how it comes about, who may read it, what happens when it is not ours."""

import contextlib
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from tradewatch.access.database import FILE_NAME, open_database, reading, writing
from tradewatch.access.schema import SCHEMA_VERSION, version_of
from tradewatch.errors import DataDirectoryError, KeyStoreError


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def pragma(engine: object, name: str) -> object:
    with reading(engine) as connection:
        return connection.scalar(text(f"PRAGMA {name}"))


def test_directory_and_files_are_the_owners_only(tmp_path: Path):
    engine = open_database(tmp_path / "new" / "data")
    with writing(engine) as connection:
        connection.execute(text("UPDATE key_changes SET count = 1"))
    assert mode_of(tmp_path / "new" / "data") == 0o700
    modes = {path.name: mode_of(path) for path in (tmp_path / "new" / "data").iterdir()}
    assert modes == {"access.db": 0o600, "access.db-wal": 0o600, "access.db-shm": 0o600}
    engine.dispose()


def test_the_mode_of_a_directory_that_exists_is_left_alone(tmp_path: Path):
    tmp_path.chmod(0o755)
    open_database(tmp_path).dispose()
    assert mode_of(tmp_path) == 0o755


def test_what_holds_per_connection(tmp_path: Path):
    engine = open_database(tmp_path)
    names = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
    assert [pragma(engine, name) for name in names] == ["wal", 1, 5000, 1]
    engine.dispose()


def test_a_copy_that_sqlite_restored_is_in_wal_mode_again(tmp_path: Path):
    engine = open_database(tmp_path / "a")
    (tmp_path / "b").mkdir()
    source, copy = sqlite3.connect(tmp_path / "a" / FILE_NAME), tmp_path / "b" / FILE_NAME
    source.execute("VACUUM INTO ?", (str(copy),))
    source.close()
    engine.dispose()
    engine = open_database(tmp_path / "b")
    assert pragma(engine, "journal_mode") == "wal"
    engine.dispose()


def test_a_directory_with_signs_that_urls_and_formats_know(tmp_path: Path):
    data_dir = tmp_path / "a b%(c)s?d#é"
    open_database(data_dir).dispose()
    assert (data_dir / FILE_NAME).is_file()


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path):
    engine = open_database(tmp_path)
    with contextlib.suppress(ZeroDivisionError), writing(engine) as connection:
        connection.execute(text("UPDATE key_changes SET count = 7"))
        raise ZeroDivisionError
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT count FROM key_changes")) == 0
    engine.dispose()


def test_a_database_in_its_present_version_is_left_alone_and_alembic_unread(tmp_path: Path):
    open_database(tmp_path).dispose()
    before = (tmp_path / FILE_NAME).read_bytes()
    program = (
        "import pathlib, sys; from tradewatch.access.database import open_database;"
        f"open_database(pathlib.Path({str(tmp_path)!r})).dispose(); print('alembic' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_an_empty_file_becomes_a_database(tmp_path: Path):
    (tmp_path / FILE_NAME).touch(mode=0o600)
    engine = open_database(tmp_path)
    with reading(engine) as connection:
        assert version_of(connection) == SCHEMA_VERSION
    engine.dispose()


def test_a_newer_version_is_refused(tmp_path: Path):
    engine = open_database(tmp_path)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(KeyStoreError) as caught:
        open_database(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / FILE_NAME} has version '9999', which this program does not know;"
        f" its own is {SCHEMA_VERSION!r}"
    )


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path):
    path = tmp_path / FILE_NAME
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(KeyStoreError) as caught:
        open_database(tmp_path)
    assert str(caught.value) == f"{path}: file is not a database"
    assert path.read_bytes() == b"not a database, " * 100


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryError) as caught:
        open_database(tmp_path / "file")
    assert str(caught.value) == f"cannot make {tmp_path / 'file' / FILE_NAME}: File exists"


def test_a_writer_that_does_not_finish_is_named_and_not_waited_for_forever(tmp_path: Path):
    engine = open_database(tmp_path)
    with writing(engine):
        other = open_database(tmp_path)
        with reading(other) as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=50")
        with pytest.raises(KeyStoreError) as caught, writing(other):
            pass
        assert str(caught.value) == f"{tmp_path / FILE_NAME}: database is locked"
        other.dispose()
    engine.dispose()
