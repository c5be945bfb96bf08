"""One segment file under the eyes of a reader: torn, damaged, ended, gone on with."""

import os
from zlib import crc32

import pytest
from tests.tape.conftest import Probe
from tests.tape.following import drain, follow, heard, told

from tradewatch.errors import TapeError
from tradewatch.tape.blocks import pack_block
from tradewatch.tape.follower import NOTHING
from tradewatch.tape.layout import SLOT_BYTES
from tradewatch.tape.recovery import OFFSET_LEAP


def test_an_answer_keeps_to_its_limit_and_a_block_stays_whole(files) -> None:
    probe = files.open().begin()
    for seq in range(1, 41, 4):
        probe.put(*range(seq, seq + 4))
    limit_bytes = 10 * SLOT_BYTES
    stretches = drain(follow(files), limit_bytes)
    assert [len(stretch.slots) for stretch in stretches] == [8 * SLOT_BYTES] * 5
    assert [len(stretch.slots) for stretch in drain(follow(files), 1)] == [4 * SLOT_BYTES] * 10


def test_a_write_under_way_is_waited_for_at_any_byte(files) -> None:
    probe = files.open().begin()
    probe.put(1)
    follower = follow(files)
    assert heard(follower) == [(0, [1], 0)]
    block = pack_block(1, probe.slots(2, 3))
    whole = files.paths[0].stat().st_size
    for size in range(len(block)):
        with files.paths[0].open("r+b") as file:
            file.seek(whole)
            file.write(block[:size])
        assert follower.read() == NOTHING
        assert follow(files, 1).read() == NOTHING
    probe.put(2, 3)
    assert heard(follower) == [(1, [2, 3], 0)]


def test_a_torn_end_is_cut_off_by_the_next_process_and_written_over(files) -> None:
    files.open().begin().put(1)
    follower = follow(files)
    assert heard(follower) == [(0, [1], 0)]
    files.kill()
    with files.paths[0].open("ab") as file:
        file.write(pack_block(1, Probe.slots(8, 9))[:200])
    assert follower.read() == NOTHING
    probe = files.open().begin()
    assert follower.read() == NOTHING
    probe.put(2)
    assert heard(follower) == [(1, [2], 0)]


def test_a_torn_end_behind_which_a_segment_stands_is_passed_over(files) -> None:
    probe = files.open().begin()
    probe.put(1)
    follower = follow(files)
    with files.paths[0].open("ab") as file:
        file.write(pack_block(1, Probe.slots(2, 3))[:200])
    assert heard(follower) == [(0, [1], 0)]
    files.fill()
    probe.put(2, 3)
    files.free()
    probe.put(4)
    assert heard(follower) == [(3, [4], 2)]


def test_a_clean_end_is_gone_on_behind(files) -> None:
    files.open().begin().put(1)
    follower = follow(files)
    for seq in (2, 3, 4):
        files.close()
        assert heard(follower) == [(seq - 2, [seq - 1], 0)]
        files.open().begin().put(seq)
    assert heard(follower) == [(3, [4], 0)]


@pytest.mark.parametrize("at", [0, 8, SLOT_BYTES, SLOT_BYTES + 70])
def test_a_damaged_block_is_missing_once_a_later_one_stands(files, at) -> None:
    probe = files.open().begin()
    probe.put(1)
    whole = files.paths[0].stat().st_size
    probe.put(2, 3, 4)
    files.flip(files.paths[0], whole + at)
    follower = follow(files)
    assert heard(follower) == [(0, [1], 0)]
    assert heard(follow(files, 2)) == []
    probe.put(5)
    assert heard(follower) == [(4, [5], 3)]
    assert heard(follow(files, 2)) == [(4, [5], 2)]
    files.flip(files.paths[0], whole + at)
    assert heard(follow(files, 2)) == [(2, [3, 4, 5], 0)]


def test_a_block_that_stands_a_second_time_is_not_read_twice(files) -> None:
    probe = files.open().begin()
    probe.put(1)
    data = files.paths[0].read_bytes()
    files.kill()
    with files.paths[0].open("ab") as file:
        file.write(bytes(SLOT_BYTES) + data[-2 * SLOT_BYTES :] + pack_block(3, probe.slots(4)))
    assert heard(follow(files)) == [(0, [1], 0), (3, [4], 2)]


def test_a_long_damaged_stretch_is_passed_over(files) -> None:
    probe = files.open().begin()
    probe.put(0)
    whole = files.paths[0].stat().st_size
    for seq in range(1, 120_001, 20_000):
        probe.put(*range(seq, seq + 20_000))
    with files.paths[0].open("r+b") as file:
        file.seek(whole)
        file.write(bytes(5 * 20_001 * SLOT_BYTES))
    first, second = heard(follow(files))
    assert first == (0, [0], 0)
    assert second == (100_001, list(range(100_001, 120_001)), 100_000)


def test_a_damaged_end_is_missing_once_a_newer_segment_stands(files) -> None:
    probe = files.open(segment_bytes=files.room(2)).begin()
    probe.put(1)
    probe.put(2)
    files.flip(files.paths[0], files.paths[0].stat().st_size - 1)
    follower = follow(files)
    assert heard(follower) == [(0, [1], 0)]
    probe.put(3)
    assert heard(follower) == [(2, [3], 1)]


def test_damage_that_ended_the_epoch_was_read_past(files) -> None:
    """The reader had what recovery then dropped; less than nothing is missing."""
    probe = files.open().begin()
    probe.put(1)
    whole = files.paths[0].stat().st_size
    probe.put(2)
    probe.put(3)
    files.flip(files.paths[0], whole)
    follower = follow(files)
    assert heard(follower) == [(0, [1], 0), (2, [3], 1)]
    files.kill()
    files.open().begin().put(4)
    assert files.recovered.continues is False
    assert heard(follower) == [(1 + OFFSET_LEAP, [4], 0)]


@pytest.mark.parametrize("size", [0, 40, 100, 159])
def test_a_segment_without_a_beginning_is_waited_at_or_passed_over(files, size) -> None:
    probe = files.open(segment_bytes=files.room(2)).begin()
    for seq in range(1, 6):
        probe.put(seq)
    os.truncate(files.paths[1], size)
    assert heard(follow(files)) == [(0, [1, 2], 0), (4, [5], 2)]
    assert heard(follow(files, 3)) == [(4, [5], 1)]
    files.kill()
    os.truncate(files.paths[2], size)
    follower = follow(files)
    assert heard(follower) == [(0, [1, 2], 0)]
    files.open(segment_bytes=files.room(2)).begin().put(6)
    assert heard(follower) == [(4 + OFFSET_LEAP, [6], 2)]


def test_a_damaged_snapshot_takes_only_its_definitions(files) -> None:
    files.open().begin().put(1)
    files.flip(files.paths[0], 2 * SLOT_BYTES + 3)
    (stretch,) = drain(follow(files))
    assert (told(stretch), stretch.definitions) == ((0, [1], 0), b"")


def test_unfinished_and_other_files_are_not_read(files) -> None:
    files.open().begin().put(1)
    for name in ("00000000000000000001.new", "00000000000000000001.log.bak", "9.log", "notes"):
        (files.directory / name).write_bytes(files.paths[0].read_bytes())
    files.paths[0].with_name("00000000000000000007.log").write_bytes(files.paths[0].read_bytes())
    assert heard(follow(files)) == [(0, [1], 0)]


def test_a_segment_of_another_format_is_said(files) -> None:
    files.open().begin()
    data = bytearray(files.paths[0].read_bytes())
    data[8] = 2
    data[72:76] = crc32(data[:72]).to_bytes(4, "little")
    files.paths[0].write_bytes(data)
    with pytest.raises(TapeError, match="format 2"):
        follow(files).read()
