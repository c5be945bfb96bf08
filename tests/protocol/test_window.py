"""Fixed windows."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.protocol.window import Window

#: Steps of an eighth of a second, so that sums are exact.
STEPS = st.lists(
    st.tuples(st.integers(0, 40).map(lambda eighths: eighths / 8), st.integers(1, 4)), max_size=80
)


def test_a_window_holds_its_limit_and_begins_with_the_first_taking():
    window = Window(2, 10.0)
    assert [window.take(now_s) for now_s in (3.0, 12.5, 12.75, 13.0, 13.0, 13.0)] == [
        True,
        True,
        False,
        True,
        True,
        False,
    ]
    assert window.refused == 2


def test_many_are_taken_whole_or_not_at_all():
    window = Window(10, 10.0)
    assert window.take(0.0, 6)
    assert not window.take(1.0, 5)
    assert window.take(1.0, 4)
    assert not window.take(1.0)
    assert window.refused == 6
    assert not window.take(20.0, 11), "more than the limit never fit"


def test_what_is_given_back_can_be_taken_again():
    window = Window(3, 10.0)
    assert window.take(0.0, 3)
    window.give_back(2)
    assert window.take(1.0, 2)
    assert not window.take(1.0)
    window.give_back(100)
    assert window.take(1.0, 3)
    assert not window.take(1.0), "more than was taken cannot be given back"


def test_when_to_come_again():
    window = Window(1, 10.0)
    assert window.retry_after_s(5.0) == 0
    window.take(5.0)
    assert window.retry_after_s(5.0) == 10
    assert window.retry_after_s(12.5) == 2.5
    assert window.retry_after_s(15.0) == 0
    assert window.take(15.0)


def test_a_new_limit_binds_at_once():
    window = Window(5, 10.0)
    assert window.take(0.0, 3)
    window.limit = 3
    assert not window.take(1.0)
    window.limit = 4
    assert window.take(1.0)


def test_a_window_is_five_words():
    assert not hasattr(Window(1, 1.0), "__dict__")


@settings(deadline=None)
@given(steps=STEPS, limit=st.integers(0, 12))
def test_windows_follow_one_another_and_none_holds_more_than_the_limit(steps, limit):
    window = Window(limit, 8.0)
    now_s, start_s, taken, refused = 0.0, None, 0, 0
    for step_s, count in steps:
        now_s += step_s
        if start_s is None or now_s - start_s >= 8.0:
            start_s, taken = now_s, 0
        fits = taken + count <= limit
        assert window.take(now_s, count) is fits
        taken += count if fits else 0
        refused += 0 if fits else count
        assert window.retry_after_s(now_s) == start_s + 8.0 - now_s
    assert window.refused == refused


@settings(deadline=None)
@given(steps=STEPS, limit=st.integers(1, 12))
def test_no_stretch_of_time_holds_more_than_twice_the_limit(steps, limit):
    window = Window(limit, 8.0)
    now_s, taken = 0.0, []
    for step_s, count in steps:
        now_s += step_s
        if window.take(now_s, count):
            taken.append((now_s, count))
        assert sum(many for then_s, many in taken if now_s - then_s < 8.0) <= 2 * limit
