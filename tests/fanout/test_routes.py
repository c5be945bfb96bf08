"""Routes: whichever way a flush is dealt out, every slot gets its quotes in their order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.fanout import routes
from tradewatch.fanout.routes import Routes

#: For each instrument the slots that hear it, and the instruments of a flush in their order.
hearings = st.lists(st.sets(st.integers(0, 9)), min_size=1, max_size=6)
flushes = st.lists(st.integers(0, 5), max_size=40)


def dealt(made: Routes, flush: list[int]) -> dict[int, list[bytes]]:
    """What each slot gets of a flush; every quote is told from every other."""
    bodies, heard = [], []
    for number, instrument_id in enumerate(flush):
        slots = made.heard(instrument_id)
        if slots is not None:
            bodies.append(b"%d" % number)
            heard.append(slots)
    pairs = list(made.deal(bodies, heard))
    assert len(pairs) == len(dict(pairs)), "a slot came twice"
    return dict(pairs)


def expected(hearing: list[set[int]], flush: list[int]) -> dict[int, list[bytes]]:
    """The same, as simply as can be."""
    lists: dict[int, list[bytes]] = {}
    for number, instrument_id in enumerate(flush):
        for slot in hearing[instrument_id] if instrument_id < len(hearing) else ():
            lists.setdefault(slot, []).append(b"%d" % number)
    return lists


@pytest.mark.parametrize("few", [0, 10**6], ids=["sorted", "one by one"])
@pytest.mark.parametrize("wide", [False, True])
def test_every_slot_gets_its_quotes_in_their_order(
    few: int, wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_FEW", few)

    @settings(deadline=None, max_examples=150)
    @given(hearings, flushes)
    def law(hearing: list[set[int]], flush: list[int]) -> None:
        made = Routes()
        if wide:
            made._widen()
        for instrument_id, slots in enumerate(hearing):
            for slot in slots:
                made.add([instrument_id], slot)
        # Where nobody hears anything of it, the hub does not ask.
        if few or expected(hearing, flush):
            assert dealt(made, flush) == expected(hearing, flush)

    law()


@pytest.mark.parametrize("few", [0, 48])
def test_more_slots_than_two_bytes_can_name(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_FEW", few)
    made = Routes()
    before = made.open()
    made.add([1], before)
    made._next = (1 << 16) - 1
    last, first_wide, second_wide = made.open(), made.open(), made.open()
    assert [before, last, first_wide, second_wide] == [0, 65_535, 65_536, 65_537]
    for slot in (last, first_wide, second_wide):
        made.add([1], slot)
    made.add([2], first_wide)
    assert dealt(made, [1, 2, 1]) == {
        before: [b"0", b"2"],
        last: [b"0", b"2"],
        first_wide: [b"0", b"1", b"2"],
        second_wide: [b"0", b"2"],
    }


def test_a_slot_that_was_taken_back_is_given_out_again() -> None:
    made = Routes()
    one, two = made.open(), made.open()
    made.add([1], one)
    made.add([1], two)
    made.remove(1, one)
    made.close(one)
    assert made.open() == one
    assert dealt(made, [1]) == {two: [b"0"]}
    made.remove(1, two)
    assert made.heard(1) is None
