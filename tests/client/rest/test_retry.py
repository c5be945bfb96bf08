"""When a request is made again."""

import pytest

from tradewatch.client.rest.retry import Retry
from tradewatch.errors import RefusedError


def refused(status: int, retry_after_s: int | None = None) -> RefusedError:
    return RefusedError(status, "reason", "message", retry_after_s=retry_after_s)


@pytest.mark.parametrize(
    ("status", "retry_after_s", "attempt", "wait_s"),
    [
        (429, 7, 0, 7.25),
        (503, 0, 3, 0.25),
        (503, 60, 0, 60.25),
        (429, 61, 0, None),  # it wants to be left alone for longer than anybody waits
        (429, 7, 4, None),
        (503, None, 0, 0.25),
        (503, None, 1, 0.5),
        (503, None, 3, 2.0),
        *((status, 1, 0, None) for status in (400, 401, 403, 404, 408, 422, 500, 502, 504)),
    ],
)
def test_the_wait(status: int, retry_after_s: int | None, attempt: int, wait_s: float | None) -> None:
    assert Retry().wait_s(refused(status, retry_after_s), attempt, lambda: 0.5) == wait_s


def test_waits_have_a_bound() -> None:
    retry = Retry(attempts=10**6, longest_s=5)
    assert retry.wait_s(refused(503), 10**5, lambda: 1.0) == 5


def test_none_at_all() -> None:
    assert Retry(attempts=0).wait_s(refused(503, 1), 0, lambda: 0.5) is None
