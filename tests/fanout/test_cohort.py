"""Cohorts: instruments are a set, and what a leg got in a cohort is its own once it leaves."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.fanout.cohort import Cohort, Instruments, Keys
from tradewatch.fanout.hub import Hub
from tradewatch.fanout.member import Leg, Listener, Member
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.v2.json import V2Json

ids = st.integers(0, 2**32 - 1)
changes = st.lists(st.sets(st.one_of(st.integers(0, 30), ids), max_size=20), max_size=8)


@settings(deadline=None)
@given(st.sets(ids), changes)
def test_instruments_are_a_set(first: set[int], taken: list[set[int]]) -> None:
    """Each change takes in what is not there and takes out what is, few and many at a time."""
    instruments, model = Instruments(first), set(first)
    for change in taken:
        before, copy = sorted(model), instruments.copy()
        out, new = change & model, change - model
        instruments.difference_update(list(out))
        instruments.update(new)
        model = (model - out) | new
        assert list(instruments.ids) == sorted(model)
        assert len(instruments) == len(model)
        assert all((each in instruments) == (each in model) for each in change | {0, 2**32 - 1})
        assert list(copy.ids) == before


def test_one_more_stands_in_its_order() -> None:
    instruments = Instruments([5, 1])
    instruments.add(3)
    assert list(instruments.ids) == [1, 3, 5]


class Nobody(Listener):
    """A connection that takes no notice."""

    def write(self, frames: bytes) -> None:
        pass

    def appeared(self, instrument: Instrument) -> bool:
        return True


def test_a_leg_takes_with_it_what_it_got_while_it_was_there() -> None:
    hub = Hub(call_soon=lambda callback: None)
    member: Member = hub.member(Nobody(), V2Json(lambda number: None))
    early, late = Leg(member, 0, pattern=0), Leg(member, 0, pattern=0)
    cohort = Cohort(0, key=0, instruments=Instruments(), pattern=0)
    cohort.enter(early)
    cohort.delivered, cohort.skipped = 5, 2
    cohort.enter(late)
    late.settle()
    assert (late.delivered, late.skipped) == (0, 0)
    cohort.delivered, cohort.skipped = 9, 3
    cohort.leave(early)
    late.settle()
    late.settle()
    assert (early.delivered, early.skipped, early.cohort) == (9, 3, None)
    assert (late.delivered, late.skipped, late.cohort) == (4, 1, cohort)
    assert list(cohort.members) == [late]


def test_two_cohorts_could_be_one_where_all_of_this_is_the_same() -> None:
    one = Cohort(100, key=7, instruments=Instruments([1, 2]), pattern=4)
    assert one.identity == Cohort(100, key=7, instruments=Instruments([2, 1]), pattern=4).identity
    for other in (
        Cohort(250, key=7, instruments=Instruments([1, 2]), pattern=4),
        Cohort(100, key=8, instruments=Instruments([1, 2]), pattern=4),
        Cohort(100, key=7, instruments=Instruments([1]), pattern=4),
        Cohort(100, key=7, instruments=Instruments([1, 2]), pattern=0),
    ):
        assert one.identity != other.identity


@settings(deadline=None)
@given(st.sets(ids), st.sets(ids), st.integers())
def test_keys_of_sets_are_joined_and_parted_by_xor(one: set[int], other: set[int], seed: int) -> None:
    keys = Keys(seed)
    assert keys.of(one) ^ keys.of(other) == keys.of(one ^ other)
    assert keys.of(()) == 0
    assert (keys.of(one) == keys.of(other)) == (one == other)
