"""Segments of an earlier process, sound, damaged and gone."""

import errno
import os
from zlib import crc32

import pytest

from tradewatch.errors import TapeError
from tradewatch.tape import shelf
from tradewatch.tape.layout import SLOT_BYTES


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


def test_what_is_held_before_a_log_begins_outlives_its_start(files) -> None:
    three_segments(files)
    probe = files.open(retain_bytes=0)
    probe.log.hold(2)
    assert len(files.paths) == 3
    probe.begin()
    assert probe.records() == {2: 3, 3: 4, 4: 5, 5: 6}
    files.kill()
    assert files.open(retain_bytes=0).begin().records() == {4: 5, 5: 6}


def test_each_time_that_held_records_go_is_told_once(files, caplog) -> None:
    room = {"segment_bytes": files.room(2), "retain_bytes": 6 * files.room(2), "hold_bytes": 5 * SLOT_BYTES}
    probe = files.open(**room).begin()
    held = 0
    for episode in (1, 2):
        probe.log.hold(held)
        for seq in range(1, 41):
            probe.put(seq)
        assert probe.log.unheld_records > 0
        assert caplog.text.count("what the store has not taken") == episode
        held = probe.log.next_offset
        probe.log.hold(held)
        for seq in range(1, 3):
            probe.put(seq)


def test_offsets_that_no_record_has_are_not_counted_as_deleted(files) -> None:
    """Between two epochs lies a leap of them; a segment tells how many it had at most."""
    three_segments(files)
    files.kill()
    files.open(boot="another boot").begin().put(7)
    files.kill()
    probe = files.open(retain_bytes=0, hold_bytes=0)
    probe.log.hold(0)
    probe.begin().put(8)
    assert len(files.paths) == 1
    assert 7 <= probe.log.unheld_records <= 10


def test_too_many_segments_are_not_held(files, monkeypatch) -> None:
    monkeypatch.setattr(shelf, "MAX_SEGMENTS", 5)
    probe = files.open(segment_bytes=files.room(1), retain_bytes=0).begin()
    probe.log.hold(0)
    for seq in range(1, 11):
        probe.put(seq)
    assert probe.records() == {offset: offset + 1 for offset in range(5, 10)}
    assert probe.log.unheld_records == 5


@pytest.mark.parametrize("position", [0, 8, SLOT_BYTES, SLOT_BYTES + 70])
def test_a_damaged_block_in_the_middle_is_a_hole(files, position) -> None:
    probe = three_segments(files)
    files.flip(files.paths[1], files.start_bytes + position)
    assert probe.records() == {0: 1, 1: 2, 3: 4, 4: 5, 5: 6}
    assert probe.log.corrupt_blocks >= 1
    assert probe.selected(1) == [1, 2, 4, 5, 6]


def test_an_answer_ends_before_a_damaged_block(files) -> None:
    probe = files.open().begin()
    for seq in (1, 2, 3, 4):
        probe.put(seq)
    files.flip(files.paths[0], files.start_bytes + 3 * SLOT_BYTES + 9)
    assert probe.log.read(0, 10) == (0, probe.slots(1))
    assert probe.log.read(1, 10) == (2, probe.slots(3, 4))
    assert probe.log.corrupt_blocks == 2


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
    files.flip(files.paths[1], 3)
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
