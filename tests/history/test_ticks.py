from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.history.drawn import Quote, mantissas, ticks_of

from tradewatch.history.ticks import ABSENT, DTYPES, NO_TICKS, Ticks, joined, rescaled, settled
from tradewatch.model.price import Price

MS = 1_000_000
columns = st.lists(st.tuples(st.one_of(mantissas, st.just(ABSENT)), st.integers(0, 36)), max_size=20)


def arrays(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.array([mantissa for mantissa, _ in pairs], np.int64),
        np.array([scale for _, scale in pairs], np.int8),
    )


@given(columns, st.integers(0, 36))
@settings(deadline=None)
def test_a_rescaled_column_has_the_same_values(pairs: list[tuple[int, int]], more: int) -> None:
    found, scales = arrays(pairs)
    scale = max([more, *(scale for _, scale in pairs)])
    moved = rescaled(found, scales, scale)
    expected = [m if m == ABSENT else m * 10 ** (scale - own) for m, own in pairs]
    assert moved.tolist() == expected
    assert moved.dtype == object or all(-(2**63) <= mantissa < 2**63 for mantissa in expected)


@given(columns, st.integers(0, 36))
@settings(deadline=None)
def test_a_column_of_python_integers_is_rescaled_as_well(pairs: list[tuple[int, int]], more: int) -> None:
    found, scales = arrays(pairs)
    scale = max([more, *(scale for _, scale in pairs)])
    once = rescaled(found.astype(object), scales, scale)
    assert once.tolist() == rescaled(found, scales, scale).tolist()


@given(columns, st.data())
@settings(deadline=None)
def test_settling_keeps_values_and_moves_what_fits_into_62_bits(
    pairs: list[tuple[int, int]], data: st.DataObject
) -> None:
    found, scales = arrays(pairs)
    wanted = np.array([data.draw(st.integers(scale, 36)) for _, scale in pairs], np.int8)
    moved, reached = settled(found, scales, wanted)
    for (mantissa, scale), new, now, goal in zip(
        pairs, moved.tolist(), reached.tolist(), wanted.tolist(), strict=True
    ):
        if mantissa == ABSENT:
            assert new == ABSENT
        else:
            assert Fraction(new, 10**now) == Fraction(mantissa, 10**scale)
            fits = goal - scale < 19 and abs(mantissa) * 10 ** (goal - scale) <= 2**62
            assert now == (goal if fits else scale)


def test_a_column_that_has_the_scale_already_is_the_same() -> None:
    found, scales = arrays([(5, 2), (ABSENT, 2)])
    assert rescaled(found, scales, 2) is found


def test_times_are_put_together_exactly() -> None:
    last_ns = 7_258_118_399_999_999_999
    ticks = ticks_of([Quote(last_ns, Price(1, 0), None)])
    assert ticks.event_ns.tolist() == [last_ns]
    ticks = Ticks(**{**ticks.columns(), "lag_us": np.array([-7])})
    assert ticks.received_ns.tolist() == [last_ns // MS * MS - 7_000]


@pytest.mark.parametrize("count", [0, 1, 30])
def test_the_order_is_event_time_then_epoch_then_seq(count: int) -> None:
    picked = np.random.default_rng(7)
    ticks = ticks_of([Quote(int(at), None, None) for at in picked.integers(0, 4, count)])
    mixed = Ticks(**{**ticks.columns(), "epoch": picked.integers(1, 3, count).astype(np.int32)})
    keys = list(zip(mixed.event_ns.tolist(), mixed.epoch.tolist(), mixed.seq.tolist(), strict=True))
    ordered = mixed.ordered()
    assert list(
        zip(ordered.event_ns.tolist(), ordered.epoch.tolist(), ordered.seq.tolist(), strict=True)
    ) == sorted(keys)
    assert ordered.ordered() is ordered


@pytest.mark.parametrize(
    ("event_ns", "epoch", "seq"),
    [((2, 1), (1, 1), (1, 2)), ((1, 1), (2, 1), (1, 1)), ((1, 1), (1, 1), (2, 1))],
)
def test_each_part_of_the_order_counts(
    event_ns: tuple[int, int], epoch: tuple[int, int], seq: tuple[int, int]
) -> None:
    ticks = ticks_of([Quote(at, None, None) for at in event_ns])
    ticks = Ticks(**{**ticks.columns(), "epoch": np.array(epoch), "seq": np.array(seq)})
    assert ticks.ordered().seq.tolist() == list(seq[::-1])
    assert ticks.ordered().epoch.tolist() == list(epoch[::-1])


def test_joined_ticks_stand_one_behind_the_other() -> None:
    one, two = ticks_of([Quote(5, None, None)]), ticks_of([Quote(3, None, None), Quote(4, None, None)])
    assert joined([one, NO_TICKS, two]).event_ns.tolist() == [5, 3, 4]
    assert joined([NO_TICKS, one]) is one
    assert len(joined([])) == len(NO_TICKS) == 0
    assert {name: NO_TICKS.columns()[name].dtype.str for name in DTYPES} == {
        name: np.dtype(dtype).str for name, dtype in DTYPES.items()
    }
