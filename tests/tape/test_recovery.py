"""What is left of the log after kills, crashes and damage to its end, and whether its epoch goes on."""

import os
import random
import subprocess
import sys

import pytest

from tradewatch.clock import ManualClock
from tradewatch.tape.blocks import HEAD_BYTES
from tradewatch.tape.layout import SLOT_BYTES, slots
from tradewatch.tape.recovery import OFFSET_LEAP
from tradewatch.tape.segments import SegmentLog

OTHER_BOOT = "another boot"


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
        files.flip(first, position)
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


@pytest.mark.parametrize("size", [0, 40, HEAD_BYTES, HEAD_BYTES + 40, 3 * SLOT_BYTES - 1])
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
