"""How long a client stays away: bounded, random, and as the server says where it says."""

import pytest

from tradewatch.client.backoff import Backoff, Reconnect
from tradewatch.errors import (
    AuthenticationError,
    ClientError,
    ConnectionClosedError,
    NotFoundError,
    PlanError,
    ProtocolViolationError,
    RateLimitedError,
    RefusedError,
    ServerDrainingError,
    UnreachableError,
)

LOST = ConnectionClosedError(1006)


def test_the_bound_doubles_up_to_the_longest() -> None:
    waits = Backoff(Reconnect(first_s=0.5, longest_s=6), lambda: 1.0)
    assert [waits.next_s(LOST) for _ in range(6)] == [0.5, 1, 2, 4, 6, 6]
    for _ in range(2_000):
        assert waits.next_s(LOST) == 6


def test_the_jitter_is_full() -> None:
    waits = Backoff(Reconnect(first_s=1, longest_s=1), iter([0.0, 0.25, 1.0]).__next__)
    assert [waits.next_s(LOST) for _ in range(3)] == [0, 0.25, 1]


def test_a_connection_that_lasted_begins_a_new_row() -> None:
    waits = Backoff(Reconnect(first_s=1, settled_s=10, attempts=2), lambda: 1.0)
    assert [waits.next_s(LOST) for _ in range(3)] == [1, 2, None]
    waits.lasted(9.9)
    assert waits.next_s(LOST) is None
    waits.lasted(10)
    assert [waits.next_s(LOST) for _ in range(3)] == [1, 2, None]


def test_what_the_server_says_counts() -> None:
    waits = Backoff(Reconnect(first_s=1), lambda: 0.5)
    assert waits.next_s(RateLimitedError(429, "r", "m", retry_after_s=7)) == 7.5
    assert waits.next_s(ServerDrainingError(503, "r", "m", retry_after_s=10**8)) == 300.5
    assert waits.next_s(ConnectionClosedError(4000, "draining"), told_s=1.5) == 1.5
    assert waits.next_s(ConnectionClosedError(4000, "draining"), told_s=10**6) == 300


@pytest.mark.parametrize(
    ("error", "comes_back"),
    [
        *(
            (ConnectionClosedError(code), True)
            for code in (1000, 1001, 1005, 1006, 1011, 1012, 1013, 4000, 4499)
        ),
        *((ConnectionClosedError(code), False) for code in (1002, 1003, 1007, 1009, 4500, 4502, 4999)),
        (UnreachableError("x"), True),
        (AuthenticationError(401, "key_unknown", "m"), False),
        (PlanError(403, "scope_missing", "m"), False),
        (NotFoundError(404, "not_found", "m"), False),
        (RefusedError(400, "subprotocol_unknown", "m"), False),
        (RefusedError(408, "request_timeout", "m"), True),
        (RateLimitedError(429, "too_many_connections", "m"), True),
        (RefusedError(502, "", "m"), True),
        (ServerDrainingError(503, "draining", "m"), True),
        (ProtocolViolationError("x"), False),
    ],
)
def test_who_comes_back(error: ClientError, comes_back: bool) -> None:
    assert (Backoff(Reconnect(), lambda: 0.0).next_s(error) is not None) == comes_back
