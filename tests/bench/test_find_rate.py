"""The search comes near the highest rate that is held, from wherever it begins."""

import pytest
from bench.find_rate import bisect


@pytest.mark.parametrize("start", [250, 20_000, 160_000, 4_000_000])
@pytest.mark.parametrize("limit", [300, 19_999, 20_000, 777_777, 4_000_000])
def test_the_last_rate_held_is_near_the_limit(start: int, limit: int) -> None:
    held: list[int] = []

    def holds(rate: int) -> bool:
        if rate <= limit:
            held.append(rate)
        return rate <= limit

    bisect(holds, start=start)
    assert limit / 1.1 <= held[-1] <= limit
    assert held[-1] == max(held)


def test_no_rate_held_ends_the_search() -> None:
    asked: list[int] = []

    def holds(rate: int) -> bool:
        asked.append(rate)
        return False

    bisect(holds, start=20_000)
    assert asked[-1] == 250
    assert len(asked) < 10
