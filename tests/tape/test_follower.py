"""The tape followed while it is written, deleted from, lost, damaged and begun anew: every slot once."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from tests.tape.conftest import Files, Probe
from tests.tape.following import drain, follow, heard, told

from tradewatch.clock import ManualClock
from tradewatch.model.record import Kind
from tradewatch.tape.blocks import LOSSY_AT, is_whole, pack_block, walk
from tradewatch.tape.follower import NOTHING, Follower
from tradewatch.tape.layout import DEFINE_INSTRUMENT, DEFINE_SOURCE, LAST_BATCH, SLOT_BYTES
from tradewatch.tape.recovery import OFFSET_LEAP
from tradewatch.tape.segments import SegmentLog

OTHER_BOOT = "another boot"


def test_before_there_is_a_directory_or_a_record_there_is_nothing(files) -> None:
    follower = follow(files)
    assert follower.read() == NOTHING
    probe = files.open().begin()
    assert follower.read() == NOTHING
    probe.put(1, 2)
    assert heard(follower) == [(0, [1, 2], 0)]
    assert follower.read() == NOTHING


def test_what_is_appended_is_read_once_in_order_over_segments(files) -> None:
    probe = files.open(segment_bytes=files.room(2)).begin()
    follower = follow(files)
    seen = []
    for seq in range(1, 8):
        probe.put(seq)
        if seq != 4:
            seen += heard(follower)
    assert seen == [(0, [1], 0), (1, [2], 0), (2, [3], 0), (3, [4], 0), (4, [5], 0), (5, [6], 0), (6, [7], 0)]
    assert {stretch.epoch_ms for stretch in drain(follow(files))} == {probe.log.epoch_ms}
    assert heard(follow(files)) == [(0, [1, 2], 0), (2, [3, 4], 0), (4, [5, 6], 0), (6, [7], 0)]


@pytest.mark.parametrize("closed", [False, True])
def test_any_offset_can_be_asked_for(files, closed) -> None:
    probe = files.open(segment_bytes=files.room(4)).begin()
    for seq in range(1, 20, 3):
        probe.put(seq, seq + 1, seq + 2)
    if closed:
        probe.log.close()
    for offset in range(22):
        stretches = drain(follow(files, offset), limit_bytes=1)
        read = b"".join(stretch.slots for stretch in stretches)
        assert Probe.seqs(read) == list(range(offset + 1, 22))
        assert [stretch.first_offset for stretch in stretches[:1]] == [offset][: len(stretches)]
        assert {stretch.missing for stretch in stretches} <= {0}


def test_definitions_come_with_the_first_slots_of_each_segment(files) -> None:
    """The snapshot's, and what was defined between it and the offset that was asked for."""
    probe = files.open(segment_bytes=files.room(4))
    snapshot = [
        probe.slots(seq, kind=kind) for seq, kind in enumerate((DEFINE_SOURCE, LAST_BATCH, Kind.QUOTE))
    ]
    defined = probe.slots(7, kind=DEFINE_INSTRUMENT)
    probe.log.begin(lambda: b"".join(snapshot))
    probe.log.append(defined + probe.slots(1))
    probe.log.append(probe.slots(2) + defined + probe.slots(3))
    probe.put(4)
    first, second = drain(follow(files))
    assert first.slots == defined + probe.slots(1, 2) + defined + probe.slots(3)
    assert (first.definitions, second.definitions) == (snapshot[0], snapshot[0])
    middle, _ = drain(follow(files, 1))
    assert (middle.slots, middle.definitions) == (first.slots[SLOT_BYTES:], snapshot[0] + defined)
    late, _ = drain(follow(files, 4))
    assert (late.slots, late.definitions) == (probe.slots(3), snapshot[0] + defined + defined)
    follower = follow(files)
    assert [bool(stretch.definitions) for stretch in drain(follower, 1)] == [True, False, True]
    assert len(second.slots) == SLOT_BYTES


@pytest.mark.parametrize("read_before", [False, True])
def test_a_segment_without_a_record_gives_way_to_one_of_its_name(files, read_before) -> None:
    files.open().begin()
    follower = follow(files)
    if read_before:
        assert follower.read() == NOTHING
    files.close()
    probe = files.open(boot=OTHER_BOOT, segment_bytes=files.room(1)).begin()
    probe.put(1)
    probe.put(2)
    assert len(files.paths) == 2
    assert heard(follower) == [(0, [1], 0), (1, [2], 0)]


def test_a_segment_without_a_record_gives_way_to_a_later_one(files) -> None:
    probe = files.open().begin()
    follower = follow(files, 0)
    assert follower.read() == NOTHING
    files.fill()
    probe.put(1, 2)
    files.free()
    probe.put(3)
    assert len(files.paths) == 1
    (stretch,) = drain(follower)
    assert told(stretch) == (2, [3], 2)
    assert stretch.lossy is False, "they are counted"


def test_a_new_epoch_is_no_loss(files) -> None:
    first = files.open().begin()
    first.put(1, 2)
    follower = follow(files)
    files.kill()
    second = files.open(boot=OTHER_BOOT).begin()
    second.put(3)
    old, new = drain(follower)
    assert (old.epoch_ms, *told(old)) == (first.log.epoch_ms, 0, [1, 2], 0)
    assert (new.epoch_ms, *told(new)) == (second.log.epoch_ms, 2 + OFFSET_LEAP, [3], 0)
    assert (old.lossy, new.lossy) == (False, False)
    assert heard(follow(files, 1)) == [(1, [2], 0), (2 + OFFSET_LEAP, [3], 0)]
    assert heard(follow(files, 2)) == heard(follow(files, 3)) == [(2 + OFFSET_LEAP, [3], 0)]


def test_a_log_that_was_begun_anew_is_read_from_its_beginning(files) -> None:
    probe = files.open().begin()
    probe.put(*range(1, 9))
    probe.log.close()
    epoch_ms = probe.log.epoch_ms
    for path in files.directory.iterdir():
        path.unlink()
    files.clock.advance(1)
    probe = files.open(segment_bytes=files.room(2)).begin()
    for seq in (1, 2, 3):
        probe.put(seq)
    assert heard(follow(files, 8, epoch_ms=epoch_ms)) == [(0, [1, 2], 0), (2, [3], 0)]
    assert heard(follow(files, 2, epoch_ms=probe.log.epoch_ms)) == [(2, [3], 0)]


def test_epochs_that_are_all_deleted_leap_once_each(files) -> None:
    probe = files.open().begin()
    probe.put(1, 2)
    epoch_ms = probe.log.epoch_ms
    follower = follow(files)
    assert heard(follower) == [(0, [1, 2], 0)]
    probe.put(3)
    for seq in (4, 6, 8):
        files.kill()
        probe = files.open(boot=f"boot {seq}").begin()
        probe.put(seq, seq + 1)
    last = files.paths[-1]
    for path in files.paths[1:-1]:
        path.unlink()
    follower.close()
    assert heard(follower) == [(2, [3], 0), (7 + 3 * OFFSET_LEAP, [8, 9], 4)]
    files.paths[0].unlink()
    assert files.paths == [last]
    for reader in (follow(files, 1, epoch_ms=epoch_ms), follow(files, 1)):
        assert heard(reader) == [(7 + 3 * OFFSET_LEAP, [8, 9], 6)]


def test_in_one_epoch_every_offset_that_is_not_there_is_missing(files) -> None:
    """More than a leap of them too, where it is known that it is one epoch."""
    clock, path = ManualClock(), files.directory / f"{3 * OFFSET_LEAP:020d}.log"
    files.directory.mkdir(parents=True)
    path.touch()
    log, _ = SegmentLog.open(files.directory, clock=clock, boot_id="one")
    log.begin(bytes)
    log.append(Probe.slots(1))
    log.close()
    assert heard(follow(files, 5, epoch_ms=log.epoch_ms)) == [(4 * OFFSET_LEAP, [1], 4 * OFFSET_LEAP - 5)]


def test_the_segment_before_a_hole_tells_whether_it_is_one_epoch(files, monkeypatch) -> None:
    monkeypatch.setattr("tradewatch.tape.follower.OFFSET_LEAP", 4)
    probe = files.open(segment_bytes=files.room(1)).begin()
    for seq in range(1, 11):
        probe.put(seq)
    for path in files.paths[1:-1]:
        path.unlink()
    assert heard(follow(files, 1)) == [(9, [10], 8)]


@pytest.mark.parametrize("end", ["killed", "closed"])
def test_an_epoch_that_ended_with_losses_says_so(files, end) -> None:
    probe = files.open().begin()
    probe.put(1)
    follower = follow(files)
    assert heard(follower) == [(0, [1], 0)]
    files.fill()
    probe.put(2, 3)
    if end == "closed":
        probe.log.close()
    else:
        files.kill()
    files.free()
    assert files.paths[0].read_bytes()[LOSSY_AT] == 1
    probe = files.open().begin()
    assert follower.read() == NOTHING
    probe.put(4)
    probe.put(5)
    for reader in (follower, follow(files, 1)):
        (first, second) = drain(reader, limit_bytes=1)
        assert (told(first), first.lossy) == ((1 + OFFSET_LEAP, [4], 0), True)
        assert (told(second), second.lossy) == ((2 + OFFSET_LEAP, [5], 0), False)


@pytest.mark.parametrize(
    ("lead", "after"),
    [
        (0, [(0, [1, 2], 0), (8, [9, 10], 6)]),
        (1, [(1, [2], 0), (8, [9, 10], 6)]),
        (2, [(8, [9, 10], 6)]),
        (5, [(5, [6], 0), (8, [9, 10], 2)]),
    ],
)
def test_what_retention_deleted_is_missing(files, lead, after) -> None:
    """A segment that is open is read to its end, though it has no name any more."""
    probe = files.open(segment_bytes=files.room(2), retain_bytes=0).begin()
    for seq in range(1, lead + 1):
        probe.put(seq)
    follower = follow(files, 0)
    before = heard(follower)
    for seq in range(lead + 1, 11):
        probe.put(seq)
    assert len(files.paths) == 1
    assert heard(follower) == after
    assert sum(len(seqs) + missing for _, seqs, missing in before + after) == 10
    assert heard(follow(files, 3)) == [(8, [9, 10], 5)]
    assert heard(follow(files)) == [(8, [9, 10], 0)]


def test_a_follower_that_was_closed_goes_on_where_it_was(files) -> None:
    probe = files.open().begin()
    probe.put(1, 2)
    follower = follow(files)
    assert heard(follower) == [(0, [1, 2], 0)]
    follower.close()
    follower.close()
    probe.put(3)
    assert heard(follower) == [(2, [3], 0)]


class Slot(NamedTuple):
    """One slot that was given to the log: where, and whether it can still be read."""

    epoch_ms: int
    offset: int
    there: bool


class Life:
    """A log, one that follows it, and what there is to be read, slot for slot."""

    segment_bytes = 14 * SLOT_BYTES

    def __init__(self, files: Files, retain_slots: int, *, holds: bool) -> None:
        self.files = files
        self.options = {"segment_bytes": self.segment_bytes, "retain_bytes": retain_slots * SLOT_BYTES}
        self.holds = holds
        self.slots: list[Slot] = []
        self.index = 0
        self.full = False
        self.lossy = False
        self.follower = follow(files, 0)
        self.open()

    def open(self, boot: str = Files.boot) -> None:
        self.probe = self.files.open(boot=boot, **self.options)
        self.hold()
        self.probe.begin()

    def hold(self) -> None:
        """Say what was taken, as a store does that wants to miss nothing."""
        if self.holds:
            self.probe.log.hold(self.slots[self.index - 1].offset + 1 if self.index else 0)

    def append(self, count: int, torn: int = 0) -> None:
        first = self.probe.log.next_offset
        if torn and not self.full:
            block = pack_block(first, self.probe.slots(*range(first, first + count)))
            with self.files.paths[-1].open("ab") as file:
                file.write(block[: min(torn, len(block) - 1)])
            self.read(1 << 20)
        kept = self.probe.put(*range(first, first + count))
        assert kept is not self.full
        epoch_ms = self.probe.log.epoch_ms
        self.slots += [Slot(epoch_ms, offset, kept) for offset in range(first, first + count)]

    def read(self, limit_bytes: int) -> None:
        """One read, accounted for."""
        stretch = self.follower.read(limit_bytes)
        if not stretch.slots:
            assert stretch == NOTHING
            return
        count = len(stretch.slots) // SLOT_BYTES
        assert len(stretch.slots) <= max(limit_bytes, 9 * SLOT_BYTES), "a larger block comes alone"
        missed = self.slots[self.index : self.index + stretch.missing]
        assert not (self.holds and any(slot.there for slot in missed)), "what is held is not deleted"
        self.index += stretch.missing
        read = self.slots[self.index : self.index + count]
        assert [slot.offset for slot in read] == list(range(stretch.first_offset, stretch.next_offset))
        assert {slot.epoch_ms for slot in read} == {stretch.epoch_ms}
        assert all(slot.there for slot in read)
        assert stretch.slots == Probe.slots(*(slot.offset for slot in read))
        assert self.lossy or not stretch.lossy
        self.index += count
        self.hold()

    def fill(self) -> None:
        if not self.full:
            self.files.fill()
            self.full = True

    def free(self) -> None:
        if self.full:
            self.files.free()
            self.full = False

    def reopen(self, *, closed: bool, boot: str) -> None:
        if closed:
            self.probe.log.close()
        self.files.kill()
        failing = self.probe.log.failing
        self.free()
        self.open(boot)
        if not self.files.recovered.continues:
            # What was lost at the end of an epoch nobody can count.
            end = self.probe.log.next_offset - OFFSET_LEAP
            known = [slot for slot in self.slots if slot.offset < end]
            self.lossy |= bool(failing)
            self.slots = known
            self.index = min(self.index, len(known))

    def follow_anew(self) -> None:
        """As a process that is started again does, from what it had."""
        self.follower.close()
        if self.index:
            last = self.slots[self.index - 1]
            self.follower = follow(self.files, last.offset + 1, epoch_ms=last.epoch_ms)

    def damage(self, number: int) -> None:
        """Turn a bit in a block that is not read yet, in a segment that is not the last."""
        for path in self.files.paths[:-1]:
            data = path.read_bytes()[SLOT_BYTES:]
            blocks = [block for block in walk(data) if block is not None and is_whole(data, block)][1:]
            unread = self.slots[self.index].offset if self.index < len(self.slots) else 1 << 62
            blocks = [block for block in blocks if block.offset >= unread and block.slots]
            if not blocks:
                continue
            block = blocks[number % len(blocks)]
            self.files.flip(path, SLOT_BYTES + block.at + number % (block.end - block.at))
            hurt = range(block.offset, block.offset + block.slots)
            self.slots = [slot._replace(there=slot.there and slot.offset not in hurt) for slot in self.slots]
            event("damaged")
            return


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 9)),
        st.tuples(st.just("append"), st.integers(1, 9)),
        st.tuples(st.just("torn"), st.integers(1, 9 * SLOT_BYTES)),
        st.tuples(st.just("read"), st.integers(1, 30 * SLOT_BYTES)),
        st.tuples(st.just("read"), st.integers(1, 30 * SLOT_BYTES)),
        st.tuples(st.sampled_from(["fill", "free", "free", "sync", "follow_anew"]), st.just(0)),
        st.tuples(st.sampled_from(["kill", "close"]), st.integers(0, 5)),
        st.tuples(st.just("damage"), st.integers(0, 2_000)),
    ),
    min_size=20,
    max_size=70,
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps, retain_slots=st.sampled_from([20, 60, 1_000]), holds=st.booleans())
def test_every_offset_is_read_or_counted_once_in_order(
    make_files: Callable[[], Files], steps: list[tuple[str, int]], retain_slots: int, holds: bool
) -> None:
    life = Life(make_files(), retain_slots, holds=holds)
    for step, number in steps:
        match step:
            case "append":
                life.append(number)
            case "torn":
                life.append(3 + number % 7, torn=number)
            case "read":
                life.read(number)
            case "fill":
                life.fill()
            case "free":
                life.free()
            case "sync":
                life.probe.log.sync()
            case "follow_anew":
                life.follow_anew()
            case "kill" | "close":
                boot = life.files.boot if number else OTHER_BOOT
                life.reopen(closed=step == "close", boot=boot)
            case "damage":
                life.damage(number)
    life.free()
    life.append(1)  # after it nothing is under way
    while life.index < len(life.slots):
        before = life.index
        life.read(10_000)
        assert life.index > before
    assert life.probe.log.unheld_records == 0
    assert life.follower.read() == NOTHING
    life.follower.close()
    life.files.close()


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


def test_a_writer_that_is_killed_again_and_again_is_followed_without_a_gap(tmp_path: Path) -> None:
    directory, chance = tmp_path / "tape" / "0", random.Random(11)
    follower, following, acknowledged = Follower(directory, from_offset=None), 0, 0

    def take_all() -> int:
        reached = following
        while (stretch := follower.read(chance.choice([1_000, 100_000, 1_000_000]))).slots:
            assert (stretch.first_offset, stretch.missing, stretch.lossy) == (reached, 0, False)
            assert Probe.seqs(stretch.slots) == list(range(reached + 1, stretch.next_offset + 1))
            reached = stretch.next_offset
        return reached

    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE, text=True
        ) as process:
            for _ in range(chance.randrange(1, 300)):
                acknowledged = int(process.stdout.readline())
                following = take_all()
            process.kill()
            rest = process.stdout.read().split("\n")[:-1]
        acknowledged = int(rest[-1]) if rest else acknowledged
        following = take_all()
        assert following >= acknowledged
        log, recovered = SegmentLog.open(directory, clock=ManualClock(), boot_id="one")
        assert recovered.continues is True
        assert following == log.next_offset
    follower.close()
    assert len(list(directory.glob("*.log"))) > 1
