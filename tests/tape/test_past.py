"""The past: where on the log an earlier time lies, and which quotes were the newest then."""

from collections.abc import Iterator

import pytest

from tradewatch.clock import ManualClock
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Kind, Record
from tradewatch.reference.catalogue import CANARY, Catalogue
from tradewatch.tape.memory import MemoryLog
from tradewatch.tape.past import Past
from tradewatch.tape.tape import Tape

SECOND_NS = 1_000_000_000


class World:
    """A tape on which a second passes before each block."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.catalogue = Catalogue(limit=10_000)
        self.log = MemoryLog(clock=self.clock)
        self.tape = Tape(self.log, self.log.recovered, catalogue=self.catalogue, clock=self.clock)
        self.past = Past(self.log, self.catalogue)
        self.begun_ns = self.clock.now_ns()

    def instruments(self, count: int) -> Iterator[Instrument]:
        for _ in range(count):
            symbol = f"S{self.catalogue.count(AssetClass.CRYPTO)}"
            yield self.catalogue.add(AssetClass.CRYPTO, symbol, decimals=0)

    def append(self, *instruments: Instrument, kind: int = Kind.QUOTE) -> None:
        self.clock.advance(1)
        now_ns = self.clock.now_ns()
        price = Price(1, 0)
        self.tape.append([Record(each, now_ns, now_ns, price, price, kind=kind) for each in instruments])

    def at(self, second: int) -> int:
        """The time of the block with this number, from 1."""
        return self.begun_ns + second * SECOND_NS


@pytest.fixture
def world() -> World:
    return World()


def heard(world: World, offset: int, *, until_s: int, limit: int = 1_000) -> list[tuple[str, int]]:
    passage = world.past.quotes(offset, until_ns=world.at(until_s), limit=limit)
    return [(record.instrument.symbol, record.seq) for record in passage.quotes]


@pytest.mark.parametrize("new", [1, 63, 64, 65, 500])
def test_a_time_is_found_behind_any_number_of_new_instruments(world: World, new: int) -> None:
    """A block that brings many new instruments begins with as many slots that have no time."""
    ends = []
    for _ in range(3):
        world.append(*world.instruments(new))
        ends.append(world.log.next_offset)
    for number, end in enumerate(ends, 1):
        offset = world.past.offset_at(world.at(number))
        assert heard(world, offset, until_s=3) == heard(world, end, until_s=3)
    assert heard(world, world.past.offset_at(world.at(0)), until_s=1) == [(f"S{n}", 1) for n in range(new)]
    assert world.past.offset_at(world.at(9)) == world.log.next_offset


def test_what_is_too_new_ends_a_passage(world: World) -> None:
    (one,) = world.instruments(1)
    for _ in range(5):
        world.append(one)
    passage = world.past.quotes(0, until_ns=world.at(3), limit=1_000)
    assert ([record.seq for record in passage.quotes], passage.ended) == ([1, 2, 3], True)
    further = world.past.quotes(passage.next_offset, until_ns=world.at(5), limit=1_000)
    assert ([record.seq for record in further.quotes], further.ended) == ([4, 5], False)
    assert further.next_offset == world.log.next_offset
    at_the_end = world.past.quotes(further.next_offset, until_ns=world.at(9), limit=1_000)
    assert at_the_end == ([], further.next_offset, False)


def test_a_limit_of_slots_cuts_a_passage_which_goes_on_where_it_was_cut(world: World) -> None:
    (one,) = world.instruments(1)
    for _ in range(20):
        world.append(one)
    offset, seqs = 0, []
    while offset < world.log.next_offset:
        passage = world.past.quotes(offset, until_ns=world.at(20), limit=3)
        assert len(passage.quotes) <= 3
        assert not passage.ended
        seqs += [record.seq for record in passage.quotes]
        offset = passage.next_offset
    assert seqs == list(range(1, 21))


def test_the_canary_and_notices_are_passed_over(world: World) -> None:
    (one,) = world.instruments(1)
    world.append(one)
    world.append(CANARY)
    world.append(one, kind=Kind.STATUS)
    world.append(one)
    assert heard(world, 0, until_s=4) == [("S0", 1), ("S0", 3)]


def test_the_newest_before_a_point_is_that_of_each_which_is_asked_for(world: World) -> None:
    one, other, unasked = world.instruments(3)
    world.append(one, other, unasked)
    world.append(one)
    end = world.log.next_offset
    world.append(one, other)
    found = world.past.newest_before(end, [one.id, other.id])
    assert sorted((record.instrument.symbol, record.seq) for record in found) == [("S0", 2), ("S1", 1)]
    assert world.past.newest_before(0, [one.id]) == []
    assert world.past.newest_before(end, []) == []
