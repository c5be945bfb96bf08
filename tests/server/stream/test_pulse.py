"""The keep-alive's decisions, on a link that is a value."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.server.stream.pulse import Beat, Pulse

LIMITS = ConnectionLimits(
    ping_interval_s=20, pong_timeout_s=60, too_slow_s=30, idle_s=60, head_s=10
)  # the defaults, here because the numbers below count on them


@dataclass
class StubLink:
    in_use: bool = True
    unsent_bytes: int = 0
    written_bytes: int = 0
    taken_bytes: int = 0


def opened(first_ping_s: float = 20) -> Pulse:
    pulse = Pulse(abort_s=10)
    pulse.opened(0, first_ping_s=first_ping_s, written_bytes=0)
    return pulse


def run(
    pulse: Pulse, link: StubLink, until_s: int, each_second=lambda second: None
) -> list[tuple[int, object]]:
    """Check once a second up to the first close; what was due, and when."""
    due: list[tuple[int, object]] = []
    for second in range(1, until_s + 1):
        each_second(second)
        if (verdict := pulse.check(second, LIMITS, link)) is not None:
            due.append((second, verdict))
        if isinstance(verdict, CloseCode):
            break
    return due


def test_pings_come_at_their_interval_and_silence_is_closed_after_its_time():
    assert run(opened(5), StubLink(), 100) == [
        (5, Beat.PING),
        (25, Beat.PING),
        (45, Beat.PING),
        (60, CloseCode.PONG_TIMEOUT),
    ]


def test_a_pong_is_life_for_another_while():
    pulse = opened()

    def pong_at_40(second: int) -> None:
        pulse.heard = second == 40

    assert run(pulse, StubLink(), 200, pong_at_40)[-1] == (100, CloseCode.PONG_TIMEOUT)


def test_pings_that_the_kernel_took_are_no_life():
    link = StubLink()

    def ping_is_acknowledged(second: int) -> None:
        link.taken_bytes += 2

    assert run(opened(), link, 200, ping_is_acknowledged)[-1] == (60, CloseCode.PONG_TIMEOUT)


def test_the_handshake_that_was_taken_is_no_life_of_later():
    pulse = Pulse(abort_s=10)
    pulse.opened(0, first_ping_s=20, written_bytes=200)
    assert run(pulse, StubLink(written_bytes=200, taken_bytes=200), 100)[-1] == (60, CloseCode.PONG_TIMEOUT)


def test_messages_that_were_taken_are_life_without_any_pong():
    link = StubLink()

    def quote(second: int) -> None:
        link.written_bytes += 100
        link.taken_bytes += 100

    assert {verdict for _, verdict in run(opened(), link, 300, quote)} == {Beat.PING}


def test_messages_that_nobody_took_are_none():
    link = StubLink()

    def quote_into_the_void(second: int) -> None:
        link.written_bytes += 100

    assert run(opened(), link, 300, quote_into_the_void)[-1] == (60, CloseCode.PONG_TIMEOUT)


def test_bytes_that_wait_untaken_close_sooner():
    link = StubLink(unsent_bytes=1_000)
    assert run(opened(), link, 100)[-1] == (30, CloseCode.TOO_SLOW)


def test_time_without_anything_waiting_does_not_count_as_slow():
    link = StubLink()
    pulse = opened()

    def waits_from_50(second: int) -> None:
        pulse.heard = second == 50
        link.unsent_bytes = 1_000 if second > 50 else 0

    assert run(pulse, link, 100, waits_from_50)[-1] == (80, CloseCode.TOO_SLOW)


def test_who_takes_a_little_is_neither_slow_nor_dead():
    link = StubLink(unsent_bytes=1_000_000)

    def sip(second: int) -> None:
        link.taken_bytes += second % 25 == 0

    assert {verdict for _, verdict in run(opened(), link, 500, sip)} == {Beat.PING}


def test_nothing_subscribed_for_the_idle_time_closes():
    link = StubLink()
    pulse = opened()

    def leaves_at_10(second: int) -> None:
        pulse.heard = True
        link.in_use = second < 10

    assert run(pulse, link, 100, leaves_at_10)[-1] == (69, CloseCode.IDLE)


@pytest.mark.parametrize("begun", [False, True])
def test_what_has_not_begun_or_is_ending_can_only_be_cut_off(begun: bool):
    pulse = Pulse(abort_s=10)
    if begun:
        pulse.opened(0, first_ping_s=1, written_bytes=0)
        pulse.ending(10)
        pulse.ending(1_000)  # the first deadline stands
    link = StubLink(in_use=False, unsent_bytes=1)
    assert [pulse.check(second, LIMITS, link) for second in (1, 9, 10, 11)] == [
        None,
        None,
        Beat.ABORT,
        Beat.ABORT,
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 3)), max_size=200))
def test_no_one_is_closed_sooner_than_after_the_shortest_of_its_silences(seconds):
    """Whatever happens: a close for slowness or silence needs its whole time without any sign of life."""
    pulse, link = opened(), StubLink()
    last_life = 0
    for second, (pong, written, taken) in enumerate(seconds, 1):
        link.written_bytes += written
        took = min(taken, link.written_bytes - link.taken_bytes)
        link.taken_bytes += took
        link.unsent_bytes = link.written_bytes - link.taken_bytes
        pulse.heard = pong
        if pong or (took and link.unsent_bytes):
            last_life = second
        verdict = pulse.check(second, LIMITS, link)
        if verdict is CloseCode.PONG_TIMEOUT:
            assert second - last_life >= LIMITS.pong_timeout_s
        if isinstance(verdict, CloseCode):
            assert verdict is not CloseCode.IDLE
            break
