"""Connection attempts by address, and who is banned for how long."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.access.attempts import LONGEST_BAN_S, QUIET_S, Attempts

HERE = "203.0.113.9"
THERE = "198.51.100.7"


def attempts_of(attempts: Attempts, address: str, now_s: float, count: int) -> list[int]:
    return [attempts.attempt(address, now_s) for _ in range(count)]


def address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def test_the_defaults_are_those_of_the_protocol():
    attempts = Attempts()
    assert attempts_of(attempts, HERE, 0.0, 1_000) == [0] * 1_000
    assert attempts.attempt(HERE, 9.5) == 10
    assert attempts_of(attempts, THERE, 9.5, 1_000) == [0] * 1_000


def test_a_window_ends_and_another_begins():
    attempts = Attempts(3)
    assert attempts_of(attempts, HERE, 1.0, 3) == [0, 0, 0]
    assert attempts_of(attempts, HERE, 11.0, 3) == [0, 0, 0]
    assert attempts.bans == 0


def test_a_ban_is_not_lengthened_by_those_who_go_on_trying():
    attempts = Attempts(2)
    assert attempts_of(attempts, HERE, 0.0, 4) == [0, 0, 10, 10]
    assert [attempts.attempt(HERE, now_s) for now_s in (2.5, 9.0, 9.75, 10.0)] == [8, 1, 1, 0]
    assert (attempts.refused, attempts.bans) == (5, 1)


def test_bans_double_up_to_an_hour():
    attempts, now_s, bans = Attempts(1), 0.0, []
    for _ in range(11):
        attempts.attempt(HERE, now_s)
        bans.append(attempts.attempt(HERE, now_s))
        now_s += bans[-1]
    assert bans == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    assert LONGEST_BAN_S == 3600


def test_bans_are_forgotten_after_a_quiet_time():
    attempts = Attempts(1)
    assert attempts_of(attempts, HERE, 0.0, 2) == [0, 10]
    assert attempts_of(attempts, HERE, 10.0, 2) == [0, 20]
    assert attempts_of(attempts, HERE, 30.0 + QUIET_S - 1, 2) == [0, 40]
    end_s = 30.0 + QUIET_S - 1 + 40
    assert attempts.attempt(HERE, end_s + QUIET_S / 2) == 0, "an attempt within the limit is quiet"
    assert attempts_of(attempts, HERE, end_s + QUIET_S, 2) == [0, 10]


def test_a_ban_settles_what_was_attempted_before_it():
    attempts = Attempts(2, window_s=60.0)
    assert attempts_of(attempts, HERE, 0.0, 3) == [0, 0, 10]
    assert attempts_of(attempts, HERE, 10.0, 3) == [0, 0, 20]


@pytest.mark.parametrize("loopback", ["127.0.0.1", "::1"])
def test_loopback_is_limited_too(loopback: str):
    assert attempts_of(Attempts(1), loopback, 0.0, 2) == [0, 10]


def test_networks_are_one():
    attempts = Attempts(2)
    assert attempts.attempt("2001:db8::1", 0.0) == 0
    assert attempts.attempt("2001:db8::2", 0.0) == 0
    assert attempts.attempt("2001:db8::ffff:3", 0.0) == 10
    assert attempts.attempt("2001:db8:0:1::1", 0.0) == 0
    assert attempts.attempt(HERE, 0.0) == 0
    assert attempts.attempt(f"::ffff:{HERE}", 0.0) == 0
    assert attempts.attempt(HERE, 0.0) == 10


def test_no_limit():
    attempts = Attempts(0)
    assert attempts_of(attempts, HERE, 0.0, 5_000) == [0] * 5_000
    attempts.forgive(HERE)
    assert (attempts.tracked, attempts.banned(0.0), attempts.refused) == (0, 0, 0)


def test_an_attempt_taken_back_does_not_count():
    attempts = Attempts(2)
    for _ in range(50):
        assert attempts.attempt(HERE, 0.0) == 0
        attempts.forgive(HERE)
    assert attempts_of(attempts, HERE, 0.0, 3) == [0, 0, 10]


def test_a_ban_is_not_taken_back():
    attempts = Attempts(1)
    assert attempts_of(attempts, HERE, 0.0, 2) == [0, 10]
    attempts.forgive(HERE)
    attempts.forgive(THERE)
    assert attempts.attempt(HERE, 1.0) == 9
    assert attempts.attempt(HERE, 10.0) == 0
    assert attempts.tracked == 1


def test_the_readings():
    attempts = Attempts(1)
    attempts.attempt(THERE, 0.0)
    assert attempts_of(attempts, HERE, 0.0, 3) == [0, 10, 10]
    assert (attempts.tracked, attempts.banned(9.5), attempts.refused, attempts.bans) == (2, 1, 2, 1)
    assert attempts.banned(10.0) == 0
    assert (attempts.tracked, attempts.evicted) == (2, 0)


def test_networks_that_went_quiet_are_forgotten_and_do_not_count_as_evicted():
    attempts = Attempts(5, max_networks=100)
    for number in range(10_000):
        attempts.attempt(address(number), number / 8)
    assert attempts.tracked <= 81, "as many as come within a window"
    assert attempts.evicted == 0


def test_who_was_banned_of_late_is_remembered():
    attempts = Attempts(1)
    assert attempts_of(attempts, HERE, 0.0, 2) == [0, 10]
    for number in range(100):
        attempts.attempt(address(number), 100.0 + number)
    assert attempts_of(attempts, HERE, 300.0, 2) == [0, 20]


def test_the_least_recently_active_makes_room():
    attempts = Attempts(1, max_networks=3)
    for number in (1, 2, 3):
        assert attempts.attempt(address(number), 0.0) == 0
    attempts.forgive(address(2))
    assert attempts.attempt(address(1), 0.0) == 10
    assert attempts.attempt(address(2), 0.0) == 0
    assert attempts.attempt(address(4), 0.0) == 0
    assert (attempts.tracked, attempts.evicted) == (3, 1)
    assert attempts.attempt(address(2), 0.0) == 10
    assert attempts.attempt(address(3), 0.0) == 0, "it was forgotten"


def test_a_flood_of_addresses_does_not_free_the_banned():
    attempts = Attempts(1, max_networks=100)
    banned = [address(number) for number in range(50)]
    for each in banned:
        assert attempts_of(attempts, each, 0.0, 2) == [0, 10]
    for number in range(1_000, 6_000):
        assert attempts.attempt(address(number), 1.0) == 0
    assert [attempts.attempt(each, 1.0) for each in banned] == [9] * 50
    assert (attempts.tracked, attempts.banned(1.0), attempts.evicted) == (100, 50, 4_950)


def test_where_all_are_banned_the_ban_that_ends_first_makes_room():
    attempts = Attempts(1, max_networks=2)
    assert attempts_of(attempts, HERE, 0.0, 2) == [0, 10]
    assert attempts_of(attempts, HERE, 10.0, 2) == [0, 20]
    assert attempts_of(attempts, THERE, 11.0, 2) == [0, 10]
    assert attempts.attempt(address(1), 12.0) == 0
    assert (attempts.tracked, attempts.evicted) == (2, 1)
    assert attempts.attempt(HERE, 12.0) == 18
    assert attempts.attempt(THERE, 12.0) == 0


class Ledger:
    """The same rules for a table without end, by whole histories."""

    def __init__(self, limit: int, window_s: float) -> None:
        self.limit, self.window_s = limit, window_s
        self.window: dict[str, tuple[float, int]] = {}
        self.bans: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)

    def attempt(self, name: str, now_s: float) -> int:
        start_s, length_s = self.bans[name][-1] if self.bans[name] else (0.0, 0.0)
        if now_s < start_s + length_s:
            return -int(-(start_s + length_s - now_s) // 1)
        begun_s, taken = self.window.get(name, (now_s, 0))
        if now_s >= begun_s + self.window_s:
            begun_s, taken = now_s, 0
        self.window[name] = begun_s, taken + 1
        if taken < self.limit:
            return 0
        del self.window[name]
        recent = self.bans[name] and now_s - (start_s + length_s) < QUIET_S
        self.bans[name].append((now_s, min(length_s * 2, LONGEST_BAN_S) if recent else 10.0))
        return int(self.bans[name][-1][1])


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.0, 0.125, 1.0, 8.0, 10.0, 30.0, 700.0, 3_600.0]), st.integers(0, 5)
    ),
    max_size=150,
)


@settings(deadline=None)
@given(STEPS, st.integers(1, 4), st.sampled_from([5.0, 10.0, 20.0]))
def test_every_network_is_judged_by_its_own_history(steps, limit, window_s):
    attempts, ledger, now_s = Attempts(limit, window_s=window_s), Ledger(limit, window_s), 0.0
    for step_s, number in steps:
        now_s += step_s
        assert attempts.attempt(address(number), now_s) == ledger.attempt(address(number), now_s)
        standing = [name for name, bans in ledger.bans.items() if bans and now_s < sum(bans[-1])]
        assert attempts.banned(now_s) == len(standing)
    assert attempts.bans == sum(map(len, ledger.bans.values()))
    assert attempts.evicted == 0


@settings(deadline=None)
@given(STEPS, st.integers(1, 5), st.integers(1, 3))
def test_the_table_is_bounded_and_keeps_bans_while_it_can(steps, max_networks, limit):
    attempts, now_s = Attempts(limit, max_networks=max_networks), 0.0
    until_s: dict[str, float] = {}
    for step_s, number in steps:
        now_s += step_s
        free = attempts.tracked - attempts.banned(now_s)
        evicted, refused = attempts.evicted, attempts.refused
        wait_s = attempts.attempt(address(number), now_s)
        assert attempts.tracked <= max_networks
        assert attempts.refused - refused == (wait_s > 0)
        if attempts.evicted > evicted and not free:
            del until_s[min(until_s, key=lambda name: (until_s[name], name))]
        if wait_s:
            until_s.setdefault(address(number), now_s + wait_s)
        until_s = {name: end_s for name, end_s in until_s.items() if end_s > now_s}
        assert attempts.banned(now_s) == len(until_s)
