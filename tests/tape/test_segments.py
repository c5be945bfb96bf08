"""Segment files in use: full disks, a sync beside the appends, and any life a log can have."""

import errno
import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewatch.clock import ManualClock
from tradewatch.errors import DataDirectoryError
from tradewatch.tape import writer
from tradewatch.tape.blocks import pack_block
from tradewatch.tape.layout import SLOT_BYTES
from tradewatch.tape.segments import SegmentLog

OTHER_BOOT = "another boot"


CLERK = """
import sys
from pathlib import Path
import numpy as np
from tradewatch.clock import ManualClock
from tradewatch.tape.layout import SLOT_DTYPE
from tradewatch.tape.segments import SegmentLog
clock = ManualClock()
log, _ = SegmentLog.open(Path(sys.argv[1]), clock=clock, boot_id="one")
log.begin(lambda: bytes(80))
print("ready", flush=True)
for line in sys.stdin:
    clock.advance(1)
    rows = np.zeros(int(line), SLOT_DTYPE)
    rows["seq"] = rows["reference"] = np.arange(len(rows)) + log.next_offset + 1
    print(log.append(rows.tobytes()), log.lost_records, log.failing, sep="|", flush=True)
log.close()
"""


class Clerk:
    """A process that appends so many slots as it is told, and whose files the kernel limits."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLERK, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def append(self, count: int) -> tuple[bool, int, str]:
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        kept, lost, failing = self.process.stdout.readline().rstrip("\n").split("|")
        return kept == "True", int(lost), failing

    def limit_files(self, size: int) -> None:
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        with self.process:
            pass


needs_prlimit = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="this system cannot limit another process's files"
)


@needs_prlimit
def test_a_file_that_takes_no_more_stops_the_log_and_not_the_stream(files) -> None:
    too_large = os.strerror(errno.EFBIG)
    with Clerk(files.directory) as clerk:
        assert clerk.append(100) == (True, 0, "")
        whole = files.paths[0].stat().st_size
        clerk.limit_files(whole + 1_000)
        assert clerk.append(100) == (False, 100, too_large)
        assert files.paths[0].stat().st_size == whole
        clerk.limit_files(100)
        assert clerk.append(7) == (False, 107, too_large)
        assert clerk.append(3) == (False, 110, too_large)
        assert list(files.directory.glob("*.new")) == []
        clerk.limit_files(resource.RLIM_INFINITY)
        assert clerk.append(5) == (True, 110, "")
        assert clerk.append(5) == (True, 110, "")
        clerk.process.kill()
        clerk.process.wait()
    probe = files.open(boot="one")
    assert files.recovered.continues is True
    assert probe.records() == {offset: offset + 1 for offset in (*range(100), *range(210, 220))}
    assert probe.log.corrupt_blocks == 0


@needs_prlimit
@pytest.mark.parametrize("end", ["killed", "closed"])
def test_records_that_were_lost_at_the_end_end_the_epoch(files, end) -> None:
    with Clerk(files.directory) as clerk:
        clerk.append(10)
        clerk.limit_files(100)
        assert clerk.append(1)[0] is False
        if end == "closed":
            clerk.process.stdin.close()
        else:
            clerk.process.kill()
        clerk.process.wait()
    probe = files.open(boot="one")
    assert files.recovered.continues is False
    assert list(probe.records()) == list(range(10))


def test_a_close_finds_the_room_that_was_made(files) -> None:
    probe = files.open().begin()
    files.fill()
    probe.put(1)
    files.free()
    probe.log.close()
    files.open(boot=OTHER_BOOT)
    assert files.recovered.continues is True


def test_a_full_disk_is_asked_ten_times_a_second_at_most(files) -> None:
    probe = files.open().begin()
    files.fill()
    for seq in range(50):
        probe.put(seq)
        files.clock.advance(0.01)
    assert 4 <= len(probe.snapshots) - 1 <= 6


def test_where_nothing_can_be_written_at_all_nothing_begins(files) -> None:
    probe = files.open()
    files.fill()
    with pytest.raises(DataDirectoryError, match=r"No space left on device"):
        probe.begin()


def test_a_directory_that_is_a_file_is_named(tmp_path) -> None:
    (tmp_path / "tape").write_text("not ours")
    with pytest.raises(DataDirectoryError, match=f"{tmp_path / 'tape'}"):
        SegmentLog.open(tmp_path / "tape" / "0", clock=ManualClock(), boot_id="")


def test_a_sync_that_fails_is_told_and_the_next_block_begins_a_segment(files, monkeypatch) -> None:
    probe = files.open().begin()
    probe.put(1)

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "_sync_data", broken)
        probe.log.sync()
    assert probe.log.failing == "Input/output error"
    assert probe.put(2) is True
    assert (probe.log.failing, probe.log.lost_records) == ("", 0)
    assert probe.records() == {0: 1, 1: 2}
    assert len(files.paths) == 2


def test_a_disk_that_never_syncs_does_not_use_up_the_files(files, monkeypatch) -> None:
    """Each failure begins a segment, and the one before waited, open, behind a sync that always failed."""

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    probe = files.open().begin()
    with monkeypatch.context() as patch:
        patch.setattr(writer, "_sync_data", broken)
        for seq in range(1, 101):
            files.clock.advance(1)
            assert probe.put(seq)
            probe.log.sync()
    held = [file.path for file in psutil.Process().open_files() if file.path.startswith(str(files.directory))]
    assert len(held) < 20
    assert probe.records() == {offset: offset + 1 for offset in range(100)}


def test_nobody_else_may_read_the_tape(files) -> None:
    files.open().begin().put(1)
    assert stat.S_IMODE(files.paths[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(files.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(files.directory.parent.stat().st_mode) == 0o700


def test_sync_beside_appends_and_rolls(files) -> None:
    probe = files.open(segment_bytes=files.room(3)).begin()
    done, failures = threading.Event(), []

    def keep_syncing() -> None:
        while not done.is_set():
            probe.log.sync()
            if probe.log.failing:
                failures.append(probe.log.failing)

    thread = threading.Thread(target=keep_syncing)
    thread.start()
    for seq in range(1, 901):
        assert probe.put(seq)
    done.set()
    thread.join()
    probe.log.sync()
    assert failures == []
    assert len(files.paths) == 300
    assert probe.records() == {offset: offset + 1 for offset in range(900)}
    held = [file.path for file in psutil.Process().open_files() if file.path.startswith(str(files.directory))]
    assert held == [str(files.paths[-1])]


def test_files_that_wait_for_a_sync_are_few(files) -> None:
    probe = files.open(segment_bytes=files.room(1)).begin()
    for seq in range(1, 101):
        probe.put(seq)
    held = [file.path for file in psutil.Process().open_files() if file.path.startswith(str(files.directory))]
    assert len(held) < 20


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 9)),
        st.tuples(st.just("append"), st.integers(1, 9)),
        st.tuples(st.sampled_from(["kill", "close", "sync", "lose"]), st.just(0)),
        st.tuples(st.just("tear"), st.integers(1, 200)),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps, position=st.integers(0, 80))
def test_any_life_of_a_log_reads_as_the_list_it_was(make_files, steps, position) -> None:
    files = make_files()
    options = {"segment_bytes": 12 * SLOT_BYTES}
    probe = files.open(**options).begin()
    epoch_ms = probe.log.epoch_ms
    expected: dict[int, int] = {}
    for step, number in steps:
        following = probe.log.next_offset
        match step:
            case "append":
                assert probe.put(*range(following + 1, following + 1 + number))
                expected.update({offset: offset + 1 for offset in range(following, following + number)})
                continue
            case "sync":
                probe.log.sync()
                continue
            case "lose":
                files.fill()
                assert not probe.put(following + 1)
                files.free()
                assert probe.put(following + 2)
                expected[following + 1] = following + 2
                continue
            case "close":
                probe.log.close()
            case "kill":
                files.kill()
            case "tear":
                files.kill()
                with files.paths[-1].open("ab") as file:
                    file.write(pack_block(following, probe.slots(1, 2, 3))[:number])
        probe = files.open(**options).begin()
        assert files.recovered.continues is True
    assert probe.log.epoch_ms == epoch_ms
    assert probe.records() == expected
    assert probe.records(position) == {at: seq for at, seq in expected.items() if at >= position}
    assert probe.selected(1) == list(expected.values())
    assert probe.log.corrupt_blocks == 0
    files.close()
