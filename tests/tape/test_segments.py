"""Segment files: what is left of them after kills, full disks and damage, and what the log makes of it."""

import errno
import os
import random
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self
from zlib import crc32

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewatch.clock import ManualClock
from tradewatch.errors import DataDirectoryError, TapeError
from tradewatch.tape import writer
from tradewatch.tape.blocks import HEAD_BYTES, pack_block
from tradewatch.tape.boot import boot_id
from tradewatch.tape.layout import SLOT_BYTES, slots
from tradewatch.tape.recovery import OFFSET_LEAP
from tradewatch.tape.segments import SegmentLog

OTHER_BOOT = "another boot"

#: Head, and the snapshot of one slot with its own head.
START_BYTES = HEAD_BYTES + 2 * SLOT_BYTES


def flip(path: Path, position: int) -> None:
    """Turn one bit of a file over."""
    data = bytearray(path.read_bytes())
    data[position] ^= 4
    path.write_bytes(data)


# What goes on and what ends


def test_a_killed_process_has_lost_nothing_and_its_epoch_goes_on(files) -> None:
    epoch_ms = files.open().begin().log.epoch_ms
    files.kill()
    probe = files.open().begin()
    probe.put(1, 2)
    probe.put(3, stamp=8)
    files.kill()
    files.clock.advance(5)
    probe = files.open().begin()
    assert files.recovered.continues is True
    assert files.recovered.epoch_ms == probe.log.epoch_ms == epoch_ms
    assert probe.seqs(files.recovered.tail) == [1, 2, 3]
    assert slots(files.recovered.snapshot)["seq"].tolist() == [1]
    assert files.recovered.dropped_bytes == 0
    probe.put(4)
    assert probe.records() == {0: 1, 1: 2, 2: 3, 3: 4}
    assert probe.stamped() == [(2, 1, 8)]
    assert probe.selected(1) == [1, 2, 3, 4]
    assert len(files.paths) == 1


def test_after_another_boot_the_epoch_ends_and_offsets_leap(files) -> None:
    old = files.open().begin()
    old.put(1, 2)
    files.kill()
    probe = files.open(boot=OTHER_BOOT)
    assert files.recovered.continues is False
    assert files.recovered.epoch_ms == probe.log.epoch_ms == old.log.epoch_ms + 1
    assert probe.seqs(files.recovered.tail) == [1, 2]
    assert probe.log.next_offset == 2 + OFFSET_LEAP
    probe.begin()
    probe.put(7)
    assert probe.records() == {0: 1, 1: 2, 2 + OFFSET_LEAP: 7}
    assert probe.selected(1) == [7]
    epochs = [probe.log.epoch_at(offset) for offset in (0, 1, 2, 1 + OFFSET_LEAP, 2 + OFFSET_LEAP)]
    assert epochs == [old.log.epoch_ms] * 4 + [probe.log.epoch_ms]


def test_a_clean_close_keeps_the_epoch_whatever_the_boot(files) -> None:
    probe = files.open().begin()
    probe.put(1, 2)
    probe.log.close()
    for boot in (OTHER_BOOT, files.boot, ""):
        probe = files.open(boot=boot).begin()
        assert files.recovered.continues is True
        assert probe.log.next_offset == 2
        probe.log.close()
    probe = files.open().begin()
    probe.put(3)
    assert probe.records() == {0: 1, 1: 2, 2: 3}


def test_a_clean_close_says_nothing_of_what_was_appended_after_it(files) -> None:
    """The mark goes before anything follows it, or a crash that takes the rest would leave it standing."""
    files.open().begin().put(1)
    files.close()
    files.open().begin()
    files.kill()
    files.open(boot=OTHER_BOOT)
    assert files.recovered.continues is False


def test_a_clean_close_in_another_boot_makes_a_segment_of_that_boot(files) -> None:
    files.open().begin().put(1)
    files.close()
    files.open(boot=OTHER_BOOT).begin().put(2)
    files.kill()
    probe = files.open(boot=OTHER_BOOT)
    assert files.recovered.continues is True
    assert probe.records() == {0: 1, 1: 2}
    assert len(files.paths) == 2


def test_where_the_boot_is_not_known_only_a_clean_close_keeps_the_epoch(files) -> None:
    files.open(boot="").begin().put(1)
    files.kill()
    files.open(boot="")
    assert files.recovered.continues is False


def test_a_new_epoch_can_be_demanded(files) -> None:
    epoch_ms = files.open().begin().log.epoch_ms
    files.close()
    files.clock.advance(3)
    files.open(new_epoch=True)
    assert files.recovered.continues is False
    assert files.recovered.epoch_ms == epoch_ms + 3_000


def test_epochs_ascend_though_the_clock_goes_back(files) -> None:
    epoch_ms = files.open().begin().log.epoch_ms
    files.close()
    files.clock.advance(-3_600)
    assert files.open(new_epoch=True).log.epoch_ms == epoch_ms + 1


def test_a_log_that_was_only_looked_at_is_left_as_it_was(files) -> None:
    files.open().begin().put(1)
    files.close()
    before = {path: path.read_bytes() for path in files.paths}
    files.open(boot=OTHER_BOOT, new_epoch=True).log.close()
    assert {path: path.read_bytes() for path in files.paths} == before


def test_this_machine_knows_its_boot() -> None:
    assert boot_id() == boot_id()
    if sys.platform in {"linux", "darwin"}:
        assert boot_id() != ""


# Kills


def test_a_write_that_was_cut_at_any_byte_never_was(files) -> None:
    probe = files.open().begin()
    probe.put(1)
    whole = files.paths[0].stat().st_size
    probe.put(2, 3, 4)
    files.kill()
    data = files.paths[0].read_bytes()
    for size in range(whole, len(data)):
        files.paths[0].write_bytes(data[:size])
        probe = files.open().begin()
        assert files.recovered.continues is True
        assert files.recovered.dropped_bytes == size - whole
        assert probe.seqs(files.recovered.tail) == [1]
        assert probe.put(9)
        assert probe.records() == {0: 1, 1: 9}
        files.kill()


@pytest.mark.parametrize("killed_again", [False, True])
def test_a_flipped_bit_ends_the_epoch_wherever_it_is(files, killed_again) -> None:
    """Damage is no torn write: what it took was acknowledged. A kill before `begin` must not hide it."""
    probe = files.open().begin()
    probe.put(1)
    whole = files.paths[0].stat().st_size
    probe.put(2, 3)
    files.kill()
    data = files.paths[0].read_bytes()
    first = files.paths[0]
    for position in range(whole, len(data), 7):
        for path in files.paths[1:]:
            path.unlink()
        first.write_bytes(data)
        flip(first, position)
        if killed_again:
            files.open()
            files.kill()
        probe = files.open()
        assert files.recovered.continues is False
        assert files.recovered.dropped_bytes == len(data) - whole
        probe.begin().put(9)
        assert probe.records() == {0: 1, 1 + OFFSET_LEAP: 9}
        assert first.stat().st_size == whole
        files.kill()


def test_a_segment_that_never_got_its_name_is_nothing(files) -> None:
    files.open().begin().put(1)
    files.kill()
    unfinished = files.directory / "00000000000000000001.new"
    unfinished.write_bytes(files.paths[0].read_bytes()[: HEAD_BYTES + 5])
    probe = files.open().begin()
    assert files.recovered.continues is True
    assert probe.records() == {0: 1}
    assert not unfinished.exists()


@pytest.mark.parametrize("size", [0, 40, HEAD_BYTES, HEAD_BYTES + 40, START_BYTES - 1])
def test_a_last_segment_without_a_whole_snapshot_gives_way_to_the_one_before(files, size) -> None:
    """No kill leaves this, only a machine that fell, and then the records in it are gone."""
    probe = files.open(segment_bytes=files.room(2)).begin()
    for seq in (1, 2, 3, 4, 5):
        probe.put(seq)
    files.kill()
    broken = files.paths[-1]
    os.truncate(broken, size)
    probe = files.open()
    assert files.recovered.continues is False
    assert probe.seqs(files.recovered.tail) == [3, 4]
    assert slots(files.recovered.snapshot)["seq"].tolist() == [2]
    assert probe.records() == {0: 1, 1: 2, 2: 3, 3: 4}
    assert probe.log.next_offset > 5
    assert probe.log.corrupt_blocks == 1
    probe.begin().put(6)
    assert not broken.exists()
    assert list(probe.records().values()) == [1, 2, 3, 4, 6]


def test_a_directory_of_nothing_but_broken_segments_begins_anew(files) -> None:
    files.open().begin().put(1)
    files.kill()
    os.truncate(files.paths[0], 10)
    probe = files.open().begin()
    assert (files.recovered.continues, files.recovered.dropped_bytes) == (False, 10)
    assert probe.log.next_offset == OFFSET_LEAP
    assert probe.put(1)
    assert len(files.paths) == 1


WRITER = """
import os, sys
from pathlib import Path
import numpy as np
from tradewatch.clock import SystemClock
from tradewatch.tape.layout import SLOT_DTYPE
from tradewatch.tape.segments import SegmentLog
log, _ = SegmentLog.open(Path(sys.argv[1]), clock=SystemClock(), boot_id="one", segment_bytes=300_000)
log.begin(lambda: bytes(80))
while True:
    rows = np.zeros(1 + log.next_offset % 97, SLOT_DTYPE)
    rows["seq"] = rows["reference"] = np.arange(len(rows)) + log.next_offset + 1
    assert log.append(rows.tobytes())
    os.write(1, b"%d\\n" % log.next_offset)
"""


def test_kill_minus_nine_loses_nothing_that_was_acknowledged(tmp_path) -> None:
    directory, chance = tmp_path / "tape" / "0", random.Random(9)
    epochs, acknowledged = set(), 0
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE, text=True
        ) as process:
            for _ in range(chance.randrange(1, 400)):
                acknowledged = int(process.stdout.readline())
            process.kill()
            rest = process.stdout.read().split("\n")[:-1]
        acknowledged = int(rest[-1]) if rest else acknowledged
        log, recovered = SegmentLog.open(directory, clock=ManualClock(), boot_id="one")
        assert recovered.continues is True
        epochs.add(recovered.epoch_ms)
        assert log.next_offset >= acknowledged
        position = 0
        while position < log.next_offset:
            first, data = log.read(position, 10_000)
            rows = slots(data)
            assert first == position
            assert rows["seq"].tolist() == list(range(first + 1, first + 1 + len(rows)))
            position += len(rows)
        assert log.corrupt_blocks == 0
    assert len(epochs) == 1
    assert len(list(directory.glob("*.log"))) > 1


# Full disks

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


# Damage and disappearance


def three_segments(files):
    """Six records, two to a segment, in a log that another process wrote."""
    probe = files.open(segment_bytes=files.room(2)).begin()
    for seq in range(1, 7):
        probe.put(seq, stamp=seq)
    files.kill()
    return files.open()


def test_what_other_processes_wrote_is_read_like_ones_own(files) -> None:
    probe = three_segments(files)
    assert probe.records() == {offset: offset + 1 for offset in range(6)}
    assert probe.selected(1, after_seq=2) == [3, 4, 5, 6]
    assert [batch for _, _, batch in probe.stamped()] == [1, 2, 3, 4, 5, 6]
    assert probe.log.corrupt_blocks == 0


def test_large_segments_of_another_process_are_found_by_position(files) -> None:
    probe = files.open(segment_bytes=2_000_000).begin()
    for seq in range(1, 30_001, 3):
        probe.put(seq, seq + 1, seq + 2, stamp=seq)
    files.kill()
    probe = files.open()
    assert len(files.paths) == 2
    for position in (0, 1, 12_345, 17_777, 29_998):
        first, data = probe.log.read(position, 2)
        assert (first, probe.seqs(data)) == (position, [position + 1, position + 2])
    assert probe.selected(1) == list(range(1, 30_001))
    assert [block[2] for block in probe.stamped()] == list(range(1, 30_001, 3))


@pytest.mark.parametrize(
    "position", [START_BYTES, START_BYTES + 8, START_BYTES + SLOT_BYTES, START_BYTES + 150]
)
def test_a_damaged_block_in_the_middle_is_a_hole(files, position) -> None:
    probe = three_segments(files)
    flip(files.paths[1], position)
    assert probe.records() == {0: 1, 1: 2, 3: 4, 4: 5, 5: 6}
    assert probe.log.corrupt_blocks >= 1
    assert probe.selected(1) == [1, 2, 4, 5, 6]


@pytest.mark.parametrize("harm", ["deleted", "emptied"])
def test_a_segment_that_vanished_is_a_hole(files, harm) -> None:
    probe = three_segments(files)
    if harm == "deleted":
        files.paths[1].unlink()
    else:
        os.truncate(files.paths[1], 0)
    assert probe.records() == {0: 1, 1: 2, 4: 5, 5: 6}
    assert probe.selected(1) == [1, 2, 5, 6]
    assert [batch for _, _, batch in probe.stamped()] == [1, 2, 5, 6]
    assert probe.log.corrupt_blocks >= 3


def test_an_earlier_segment_without_a_head_is_taken_away(files) -> None:
    probe = three_segments(files)
    flip(files.paths[1], 3)
    probe = files.open().begin()
    assert files.recovered.continues is True
    assert probe.records() == {0: 1, 1: 2, 4: 5, 5: 6}
    assert len(files.paths) == 2


def test_too_many_open_files_make_no_hole(files, monkeypatch) -> None:
    probe = three_segments(files)

    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert probe.log.read(0, 10) == (0, b"")
    assert probe.log.corrupt_blocks == 0
    assert len(probe.records()) == 6


def test_files_of_another_format_or_under_another_name_are_left_alone(files) -> None:
    files.open().begin().put(1)
    files.close()
    path = files.paths[0]
    renamed = path.rename(path.with_name("00000000000000000005.log"))
    with pytest.raises(TapeError, match="begins at offset 0"):
        files.open()
    renamed.rename(path)
    data = bytearray(path.read_bytes())
    data[8] = 2
    data[72:76] = crc32(data[:72]).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(TapeError, match="format 2"):
        files.open()
    assert path.read_bytes() == data


# Files, threads, descriptors


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
