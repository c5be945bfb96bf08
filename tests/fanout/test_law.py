"""The law of positions: no history breaks it, and each of these faults would."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from tests.fanout.histories import run
from tradewatch.fanout import cohort, hub, lane, routes, standing
from tradewatch.fanout.cohort import Cohort, Instruments
from tradewatch.fanout.hub import Hub
from tradewatch.fanout.lane import Lane
from tradewatch.fanout.member import Leg, Member
from tradewatch.fanout.standing import Standing
from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record
from tradewatch.protocol.v2.dialect import V2Dialect
from tradewatch.protocol.v2.events import Event
from tradewatch.server.stream.v2_subscriber import V2Subscriber

#: More histories than any of the faults needs to show.
_FAULTY = 5_200


@pytest.fixture(autouse=True)
def _small_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large is reached with little: several chunks to a drain, early flushes, both ways to deal."""
    monkeypatch.setattr(standing, "_DRAIN_QUOTES", 2)
    monkeypatch.setattr(hub, "MAX_PENDING", 25)
    monkeypatch.setattr(lane, "_MERGE_INSTRUMENTS", 4)
    monkeypatch.setattr(routes, "_FEW", 6)
    monkeypatch.setattr(cohort, "_FEW", 2)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", range(4))
def test_no_history_breaks_the_law(number: int) -> None:
    run(1_300, number)


def fails(how: type[Exception] | tuple[type[Exception], ...] = AssertionError) -> None:
    """Some history shows the fault, by what a client read."""
    with pytest.raises(how):
        run(_FAULTY, 0, shrink=False)


def test_whoever_falls_behind_leaves_in_the_middle_of_a_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its other cohort's part of the flush is missing then, though its positions say that it was written.

    Where it was alone in that cohort, the flush does not even find it any more.
    """

    def write(self: Lane, cohort: Cohort, frames: bytes) -> None:
        for leg in list(cohort.members):
            leg.member.listener.write(frames)
            if leg.member.behind:
                leg.member.listener._hub._standing._fall_behind(leg.member)  # type: ignore[attr-defined]

    monkeypatch.setattr(Lane, "_write", write)
    fails((AssertionError, KeyError))


def test_whoever_joins_gets_what_was_pending_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def head(self: Hub, instrument: Instrument) -> int:
        pending = (record.seq for record in reversed(self._pending) if record.instrument is instrument)
        return next(pending, self._newest.head(instrument.id))

    def received(self: V2Subscriber, messages: Sequence[bytes]) -> None:
        self._carry_out(self._session.receive(messages, now_ns=0))

    monkeypatch.setattr(Hub, "head", head)
    monkeypatch.setattr(V2Subscriber, "received", received)
    fails()


def test_a_drain_forgets_to_move_the_position(monkeypatch: pytest.MonkeyPatch) -> None:
    drain = Standing.drain

    def forgetful(self: Standing, leg: Leg, positions: Mapping[int, int], *, snapshot: bool = False) -> bool:
        written = drain(self, leg, positions, snapshot=snapshot)
        if leg.positions is not None:
            leg.positions.update(positions)
        return written

    monkeypatch.setattr(Standing, "drain", forgetful)
    fails()


def test_a_drain_that_is_cut_short_moves_positions_that_were_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(standing, "_DRAIN_QUOTES", 1)
    monkeypatch.setattr(Standing, "_left_over", staticmethod(lambda leg, rest: False))
    fails()


def test_skipped_is_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    drained = V2Dialect.drained

    def too_many(
        self: V2Dialect, body: bytes, *, skipped: int, snapshot: bool, replay: bool = False
    ) -> bytes:
        return drained(self, body, skipped=skipped and skipped + 1, snapshot=snapshot, replay=replay)

    monkeypatch.setattr(V2Dialect, "drained", too_many)
    fails()


def test_a_leg_settles_in_a_cohort_at_other_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    settle_in = Lane.settle_in

    def careless(self: Lane, leg: Leg, instruments: Instruments, positions: dict[int, int]) -> None:
        known = self._known.get((leg.key, len(instruments), leg.pattern, leg.interval_ms))
        if known is None:
            settle_in(self, leg, instruments, positions)
        else:
            known.enter(leg)

    monkeypatch.setattr(Lane, "settle_in", careless)
    fails()


def test_cohorts_merge_at_other_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a tick brings both to the head instead of after it."""
    tick = Lane.tick

    def hasty(self: Lane, interval_ms: int, newest: Callable[[int], Record]) -> None:
        for each in list(self._latest[interval_ms]):
            twin = self._known.get(each.identity, each)
            if twin is not each:
                dirty, each.dirty, twin.dirty = twin.dirty | each.dirty, {}, {}
                self._merge(each)
                twin.dirty = dirty
        tick(self, interval_ms, newest)

    monkeypatch.setattr(lane, "_MERGE_INSTRUMENTS", 512)
    monkeypatch.setattr(Lane, "tick", hasty)
    fails()


def test_a_cohort_that_splits_forgets_what_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    move_out = Lane.move_out

    def forgetful(self: Lane, leg: Leg) -> tuple[Instruments, dict[int, int], dict[int, None]]:
        instruments, positions, _ = move_out(self, leg)
        return instruments, positions, {}

    monkeypatch.setattr(Lane, "move_out", forgetful)
    fails()


def test_what_is_pending_does_not_go_before_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lane, "catch_up", lambda self, leg, instrument_ids, newest: None)
    fails()


def test_who_comes_back_does_not_stand_at_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """It joins again before the newest of what it missed is written."""

    def resume(self: Standing, member: Member) -> None:
        self._flush()
        member.paused = False
        self._come_back(member)

    monkeypatch.setattr(Standing, "resume", resume)
    fails()


def test_an_answer_says_the_head_to_who_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A symbol that was pending, asked for once more, was said to stand where its quotes went on."""

    def unchanged(self: V2Subscriber, events: list[Event]) -> list[Event]:
        return events

    monkeypatch.setattr(V2Subscriber, "_placed", unchanged)
    fails()
