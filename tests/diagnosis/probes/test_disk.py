"""Looking at data directories: real ones, nothing left behind."""

import os
from pathlib import Path

import pytest

from tradewatch.data_directory import DataDirectory
from tradewatch.diagnosis.disk import DiskFacts
from tradewatch.diagnosis.probes.disk import look


def found_at(path: Path) -> DiskFacts:
    return look(DataDirectory(path))


def test_a_directory_that_is_there(tmp_path: Path) -> None:
    shard = tmp_path / "tape" / "0"
    shard.mkdir(parents=True)
    (shard / "a.log").write_bytes(b"x" * 1_000)
    (tmp_path / "tape" / "b").write_bytes(b"x" * 24)
    before = sorted(tmp_path.rglob("*"))
    found = found_at(tmp_path)
    assert (found.path, found.exists, found.trouble, found.holder) == (str(tmp_path), True, "", "")
    assert (found.locks, found.tape_bytes) == (True, 1_024)
    assert found.sync_ms > 0
    usage = os.statvfs(tmp_path)
    assert abs(found.free_bytes - usage.f_bavail * usage.f_frsize) < 1 << 30
    assert sorted(tmp_path.rglob("*")) == before


def test_one_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    found = found_at(tmp_path / "not" / "yet")
    assert (found.exists, found.trouble, found.tape_bytes) == (False, "", 0)
    assert found.sync_ms > 0
    assert list(tmp_path.iterdir()) == []


def test_the_process_that_holds_it_is_named(tmp_path: Path) -> None:
    held = DataDirectory(tmp_path)
    held.take()
    assert found_at(tmp_path).holder == str(os.getpid())
    held.release()
    assert found_at(tmp_path).holder == ""
    held.take()  # looking has left no lock of its own
    held.release()


def test_a_lock_without_a_name(tmp_path: Path) -> None:
    held = DataDirectory(tmp_path)
    held.take()
    (tmp_path / "lock").write_text("")
    assert found_at(tmp_path).holder == "unknown"
    held.release()


def test_a_file_in_its_place(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.write_text("")
    assert found_at(place).trouble == "Not a directory"
    assert found_at(place / "below").trouble == "Not a directory"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc on this machine")
def test_a_place_where_not_even_root_may_write() -> None:
    assert found_at(Path("/proc/tradewatch")).trouble != ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_the_right(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir(mode=0o500)
    assert found_at(place).trouble == "Permission denied"
    place.chmod(0o000)
    assert found_at(place / "below").trouble == "Permission denied"


@pytest.mark.skipif(not Path("/proc/self/mountinfo").exists(), reason="the kernel does not list its mounts")
def test_the_type_of_the_file_system(tmp_path: Path) -> None:
    assert found_at(tmp_path).filesystem != ""
    memory = Path("/dev/shm")
    if memory.is_mount() and os.access(memory, os.W_OK):
        assert found_at(memory / "tradewatch-data").filesystem == "tmpfs"
