"""The guarantee of `tape.log.Log`, the same for every adapter."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewatch.errors import TapeError
from tradewatch.model.record import Kind
from tradewatch.tape.layout import DEFINE_INSTRUMENT, SLOT_BYTES


def test_a_new_log_is_empty_and_names_its_epoch_by_the_hour(disk) -> None:
    log = disk.open().begin().log
    assert log.epoch_ms == disk.clock.now_ns() // 1_000_000
    assert (log.first_offset, log.next_offset, log.lost_records, log.failing) == (0, 0, 0, "")
    assert log.read(0, 10) == (0, b"")
    assert log.select(1, 0, 10) == b""
    assert list(log.stamped()) == []


def test_what_is_appended_is_read_from_any_position(disk) -> None:
    probe = disk.open().begin()
    assert all([probe.put(1, 2, 3), probe.put(4), probe.put(5, 6)])
    everything = {0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6}
    for position in range(8):
        expected = {offset: seq for offset, seq in everything.items() if offset >= position}
        assert probe.records(position) == expected
        assert probe.records(position, limit=1) == expected
    assert probe.log.next_offset == 6


def test_an_answer_is_never_longer_than_its_limit(disk) -> None:
    probe = disk.open().begin()
    probe.put(*range(1, 101))
    first, data = probe.log.read(10, 5)
    assert (first, probe.seqs(data)) == (10, [11, 12, 13, 14, 15])


def test_nothing_is_appended_before_begin_after_close_or_in_parts(disk) -> None:
    probe = disk.open()
    with pytest.raises(TapeError, match="before begin"):
        probe.put(1)
    probe.begin()
    with pytest.raises(TapeError, match="81 bytes"):
        probe.log.append(bytes(81))
    probe.log.close()
    with pytest.raises(TapeError, match="after close"):
        probe.put(1)


def test_one_instrument_is_found_among_many(disk) -> None:
    probe = disk.open().begin()
    for seq in range(1, 51):
        for instrument in (1, 2, 3):
            probe.put(seq, instrument=instrument)
    assert probe.selected(2) == list(range(1, 51))
    assert probe.selected(2, after_seq=48) == [49, 50]
    assert probe.selected(2, after_seq=50) == []
    assert probe.selected(2, after_seq=10, limit=3) == [11, 12, 13]
    assert probe.selected(4) == []


def test_one_instrument_is_found_over_many_segments(disk) -> None:
    probe = disk.open(segment_bytes=disk.room(4)).begin()
    for seq in range(1, 31):
        probe.put(seq, instrument=seq % 2)
        probe.put(seq, instrument=9)
    assert len(probe.snapshots) > 5
    assert probe.selected(9) == list(range(1, 31))
    assert probe.selected(9, after_seq=20) == list(range(21, 31))
    assert probe.selected(9, after_seq=3, limit=12) == list(range(4, 16))
    assert probe.selected(1) == list(range(1, 31, 2))


def test_only_numbered_records_are_selected(disk) -> None:
    """A refused quote stands on the tape with seq 0, between records whose numbers go on."""
    probe = disk.open(segment_bytes=disk.room(1)).begin()
    probe.put(1)
    probe.put(2)
    probe.log.append(probe.slots(0, kind=Kind.REFUSED) + probe.slots(77, kind=DEFINE_INSTRUMENT))
    probe.put(3)
    assert len(probe.snapshots) == 4
    assert probe.selected(1) == [1, 2, 3]
    assert probe.selected(1, after_seq=1) == [2, 3]


def test_every_stamped_block_is_told(disk) -> None:
    probe = disk.open(segment_bytes=disk.room(4)).begin()
    probe.put(1, 2, stamp=4)
    probe.put(3)
    probe.put(4, stamp=5)
    probe.put(5, 6, 7, stamp=9)
    assert probe.stamped() == [(0, 2, 4), (3, 1, 5), (4, 3, 9)]


def test_each_segment_begins_with_a_snapshot_of_its_own(disk) -> None:
    probe = disk.open(segment_bytes=disk.room(4)).begin()
    for seq in range(1, 13):
        assert probe.put(seq)
        assert len(probe.snapshots) == (seq + 3) // 4
    assert probe.records() == {offset: offset + 1 for offset in range(12)}


def test_a_block_larger_than_a_segment_is_kept_whole(disk) -> None:
    probe = disk.open(segment_bytes=disk.room(4)).begin()
    probe.put(1)
    assert probe.put(*range(2, 42))
    assert probe.put(42)
    assert probe.records() == {offset: offset + 1 for offset in range(42)}
    assert len(probe.log.read(1, 40)[1]) == 40 * SLOT_BYTES


def test_retention_takes_whole_segments_from_the_oldest_on(disk) -> None:
    probe = disk.open(segment_bytes=disk.room(4), retain_bytes=40 * SLOT_BYTES).begin()
    for seq in range(1, 201):
        probe.put(seq, instrument=1 + seq % 2, stamp=seq)
    log = probe.log
    assert log.next_offset == 200
    assert log.first_offset % 4 == 0
    assert 200 - 40 <= log.first_offset < 200 - 4
    kept = {offset: offset + 1 for offset in range(log.first_offset, 200)}
    assert probe.records() == kept
    assert log.read(0, 1)[0] == log.first_offset
    assert probe.selected(1) == [seq for seq in kept.values() if seq % 2 == 0]
    assert [offset for offset, _, _ in probe.stamped()] == list(kept)
    assert log.unheld_records == 0


def test_the_segment_being_written_is_kept_however_little_may_be(disk) -> None:
    probe = disk.open(segment_bytes=disk.room(4), retain_bytes=1).begin()
    for seq in range(1, 8):
        probe.put(seq)
    assert probe.log.first_offset == 4
    assert probe.records() == {4: 5, 5: 6, 6: 7}


def test_what_is_held_stays_until_it_is_taken(disk) -> None:
    probe = disk.open(segment_bytes=disk.room(4), retain_bytes=40 * SLOT_BYTES).begin()
    log = probe.log
    log.hold(0)
    for seq in range(1, 201):
        probe.put(seq)
    everything = {offset: offset + 1 for offset in range(200)}
    assert probe.records() == everything
    for taken, first in ((3, 0), (4, 4), (150, 148), (20, 148)):
        log.hold(taken)
        assert log.first_offset == first
    assert probe.records() == {offset: seq for offset, seq in everything.items() if offset >= 148}
    log.hold(200)
    assert 200 - 40 <= log.first_offset < 200 - 4
    assert log.unheld_records == 0


def test_what_is_held_goes_where_it_is_too_much_and_is_counted(disk) -> None:
    room = {"retain_bytes": 40 * SLOT_BYTES, "hold_bytes": 60 * SLOT_BYTES}
    probe = disk.open(segment_bytes=disk.room(4), **room).begin()
    log = probe.log
    log.hold(10)
    for seq in range(1, 201):
        probe.put(seq)
        assert log.unheld_records == max(0, log.first_offset - 10)
    assert 200 - 100 <= log.first_offset < 200 - 100 // 3
    unheld = log.unheld_records
    log.hold(200)
    log.hold(220)
    for seq in range(201, 241):
        probe.put(seq)
    assert log.first_offset > 200
    assert log.unheld_records == unheld, "the store was not behind"


def test_what_does_not_fit_is_counted_and_leaves_a_hole(disk) -> None:
    probe = disk.open().begin()
    probe.put(1, 2)
    disk.fill()
    assert probe.put(3) is False
    assert probe.put(4, 5, stamp=1) is False
    assert probe.log.failing != ""
    assert (probe.log.lost_records, probe.log.next_offset) == (3, 5)
    assert probe.records() == {0: 1, 1: 2}
    disk.free()
    asked = len(probe.snapshots)
    assert probe.put(6, stamp=2) is True
    assert len(probe.snapshots) == asked + 1
    assert (probe.log.lost_records, probe.log.next_offset, probe.log.failing) == (3, 6, "")
    assert probe.records() == {0: 1, 1: 2, 5: 6}
    first, data = probe.log.read(0, 10)
    assert (first, probe.seqs(data)) == (0, [1, 2])
    assert probe.log.read(2, 10)[0] == 5
    assert probe.log.read(4, 10)[0] == 5
    assert probe.selected(1) == [1, 2, 6]
    assert probe.stamped() == [(5, 1, 2)]


def test_a_log_that_was_full_from_its_first_record_on_begins_where_it_is_free(disk) -> None:
    probe = disk.open().begin()
    disk.fill()
    probe.put(1)
    assert probe.log.first_offset == probe.log.next_offset == 1
    disk.free()
    probe.put(2)
    assert probe.log.first_offset == 1
    assert probe.records() == {1: 2}


def test_the_epoch_of_every_offset_is_known(disk) -> None:
    probe = disk.open(segment_bytes=disk.room(4)).begin()
    for seq in range(1, 20):
        probe.put(seq)
    assert {probe.log.epoch_at(offset) for offset in (0, 3, 18, 19)} == {probe.log.epoch_ms}


blocks = st.lists(
    st.tuples(
        st.integers(1, 3),  # instrument
        st.integers(1, 6),  # slots
        st.booleans(),  # stamped
        st.sampled_from([False, False, False, True]),  # the disk is full
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(blocks=blocks, position=st.integers(0, 60), limit=st.integers(1, 20))
def test_any_sequence_reads_as_the_list_it_was(make_disk, blocks, position, limit) -> None:
    disk = make_disk()
    probe = disk.open(segment_bytes=10 * SLOT_BYTES).begin()
    records, stamps, heads, offset = {}, [], {}, 0
    for number, (instrument, count, is_stamped, full) in enumerate(blocks):
        if full:
            disk.fill()
        seqs = [heads.get(instrument, 0) + 1 + index for index in range(count)]
        heads[instrument] = seqs[-1]
        kept = probe.put(*seqs, instrument=instrument, stamp=number if is_stamped else None)
        assert kept is not full
        if full:
            disk.free()
        else:
            records.update({offset + index: (instrument, seq) for index, seq in enumerate(seqs)})
            if is_stamped:
                stamps.append((offset, count, number))
        offset += count
    assert probe.log.next_offset == offset
    everything = {at: seq for at, (_, seq) in records.items()}
    assert probe.records(limit=limit) == everything
    assert probe.records(position) == {at: seq for at, seq in everything.items() if at >= position}
    assert probe.stamped() == stamps
    for instrument in (1, 2, 3):
        mine = [seq for owner, seq in records.values() if owner == instrument]
        assert probe.selected(instrument) == mine
        assert probe.selected(instrument, 3, limit) == [seq for seq in mine if seq > 3][:limit]
    disk.close()
