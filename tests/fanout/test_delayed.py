"""Delayed data: the same tape, the same law, some time later."""

import pytest

from tests.fanout.virtual import Buffer, V2Client, World
from tradewatch.fanout.delayed import Delayed
from tradewatch.fanout.hub import Hub
from tradewatch.model.instrument import Instrument
from tradewatch.tape import past
from tradewatch.tape.past import Past

DELAY_S = 10
AMPLE = Buffer(1 << 20, 1 << 19)
ALL = {"action": "subscribe", "symbols": ["*"]}


class LateWorld(World):
    """A world whose clients hear what was published ten seconds ago."""

    def __init__(self) -> None:
        super().__init__()
        self.appear("crypto:BTCUSD")
        self.appear("crypto:ETHUSD")
        self.live = self.hub

    def open_late(self) -> None:
        """From here on the late hub exists, as after a start."""
        self.hub = Hub(call_soon=self._call_soon, seed=2)
        self.catalogue.watch(self.hub.appear)
        self.late = Delayed(
            self.tape, Past(self.tape.log, self.catalogue), self.hub, delay_s=DELAY_S, clock=self.clock
        )

    def as_of(self) -> str:
        return self.late.as_of if hasattr(self, "late") else super().as_of()

    def client(self) -> V2Client:
        client = V2Client(self, AMPLE, binary=False)
        self.clients.append(client)
        client.say(ALL)
        client.read_all()
        return client

    def publish(self, *instruments: Instrument, one_sided: bool = False) -> None:
        super().publish(*instruments, one_sided=one_sided)
        if hasattr(self, "late"):
            self.late.advance()  # it is called all the time, and takes the time

    def advance(self) -> None:
        self.happens("flush")
        while self.late.advance():
            pass
        self.end_turn()
        self.read_all()

    def settle(self) -> None:
        self.clock.advance(DELAY_S)
        self.advance()
        self.quiet()


def positions(client: V2Client) -> dict[str, int]:
    return {key: account.position for key, account in client.ledger.accounts.items()}


def test_a_quote_is_shown_when_it_is_as_old_as_that_and_not_before():
    world = LateWorld()
    world.open_late()
    client = world.client()
    seen = []
    for _ in range(15):
        world.publish(world.instruments[0])
        world.clock.advance(1)
        world.advance()
        seen.append(positions(client)["crypto:BTCUSD"])
    assert seen == [0] * 9 + [1, 2, 3, 4, 5, 6]
    world.settle()
    assert positions(client)["crypto:BTCUSD"] == 15
    assert client.ledger._skipped == 0


def test_what_was_old_enough_at_the_start_is_a_snapshot():
    world = LateWorld()
    world.publish(*world.instruments)
    world.clock.advance(6)
    world.publish(world.instruments[0])
    world.clock.advance(6)
    world.open_late()
    client = world.client()
    assert positions(client) == {"crypto:BTCUSD": 1, "crypto:ETHUSD": 1}
    world.settle()
    assert positions(client) == {"crypto:BTCUSD": 2, "crypto:ETHUSD": 1}


def test_quotes_say_that_they_are_delayed_and_the_live_ones_do_not():
    world = LateWorld()
    world.publish(*world.instruments)
    world.open_late()
    client = world.client()
    flags = []
    take = client.ledger.take
    client.ledger.take = lambda event, occasion: (flags.append(event.get("flags")), take(event, occasion))  # type: ignore[method-assign, func-returns-value]
    world.clock.advance(DELAY_S)
    world.advance()
    assert flags == [["delayed"], ["delayed"]]
    newest = world.tape.newest(world.instruments[0])
    assert newest is not None
    assert newest.flags == 0


def test_what_the_log_lost_is_told_as_skipped():
    world = LateWorld()
    world.open_late()
    client = world.client()
    world.publish(*world.instruments)
    world.tape.log.refuse = True  # type: ignore[attr-defined]  # the log in memory
    for _ in range(3):
        world.publish(*world.instruments)
    world.tape.log.refuse = False  # type: ignore[attr-defined]
    world.clock.advance(1)
    world.publish(world.instruments[1])
    world.clock.advance(DELAY_S)
    world.happens("resume", client=client)  # whoever misses something is brought on as a slow client is
    while world.late.advance():
        pass
    world.read_all()
    assert positions(client) == {"crypto:BTCUSD": 1, "crypto:ETHUSD": 5}
    assert (client.ledger._delivered, client.ledger._skipped) == (3, 3)


@pytest.mark.parametrize("stride", [1, 3, 1_000])
def test_the_newest_before_a_point_is_found_within_the_look_back(
    stride: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(past, "_STRIDE_SLOTS", stride)
    world = LateWorld()
    btcusd, ethusd = world.instruments
    for number in range(20):
        world.publish(*([btcusd, ethusd] if number == 4 else [btcusd]))
    reader = Past(world.tape.log, world.catalogue)
    end = world.tape.log.next_offset
    ids = [btcusd.id, ethusd.id]
    assert {r.instrument.symbol: r.seq for r in reader.newest_before(end, ids)} == {"BTCUSD": 20, "ETHUSD": 1}
    assert {r.instrument.symbol: r.seq for r in reader.newest_before(end - 5, ids)} == {
        "BTCUSD": 15,
        "ETHUSD": 1,
    }
    monkeypatch.setattr(past, "LOOK_BACK_SLOTS", 6)
    assert {r.instrument.symbol: r.seq for r in reader.newest_before(end, ids)} == {"BTCUSD": 20}


def test_the_offset_of_a_time():
    world = LateWorld()
    btcusd = world.instruments[0]
    reader = Past(world.tape.log, world.catalogue)
    times, offsets = [], []
    for _ in range(50):
        world.clock.advance(1)
        times.append(world.clock.now_ns())
        world.publish(btcusd)
        offsets.append(world.tape.log.next_offset)
    for time_ns, offset in zip(times, offsets, strict=True):
        assert reader.offset_at(time_ns) == offset
        assert reader.offset_at(time_ns - 1) <= offset - 1
    assert reader.offset_at(times[-1] + 10**12) == offsets[-1]


@pytest.mark.parametrize("step_s", [3_600, -3_600])
def test_a_clock_that_is_set_shows_nothing_sooner_or_later(step_s: int):
    world = LateWorld()
    world.open_late()
    client = world.client()
    world.publish(world.instruments[0])
    world.clock.advance(1)
    world.clock._now_ns += step_s * 10**9  # the wall clock alone
    world.publish(world.instruments[1])
    seen = []
    for _ in range(11):
        world.clock.advance(1)
        world.advance()
        seen.append(positions(client))
    assert [each["crypto:BTCUSD"] for each in seen] == [0] * 8 + [1] * 3
    assert [each["crypto:ETHUSD"] for each in seen] == [0] * 9 + [1] * 2
