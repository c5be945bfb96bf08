"""Histories without a socket: whatever a server, the network and a reader do, every seq is accounted for."""

import json
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.client.messages import Event, message, quote, result, subscribed, unsubscribed, welcome
from tradewatch.client.events import Gap, Quote, Violation
from tradewatch.client.inbox import Inbox
from tradewatch.client.ledger import Ledger
from tradewatch.client.requests import every
from tradewatch.client.session import Session
from tradewatch.model.position import parse_position
from tradewatch.protocol.v2.events import Subscribed, Unsubscribed

SYMBOLS = [f"S{number}" for number in range(4)]
symbols = st.sampled_from(SYMBOLS)


class History(RuleBasedStateMachine):
    """A server's tape on one side, a reader on the other, and the client between them.

    `fate` counts for each place of the tape how often the reader was told what became of it. From the place
    at which its symbol was subscribed it must be once, and a quote must be the one of its place.
    """

    @initialize(conflate=st.booleans(), limit=st.integers(1, 10))
    def begin(self, conflate: bool, limit: int) -> None:
        self.session, self.ledger = Session(), Ledger()
        self.inbox = Inbox(limit=limit, conflate=conflate)
        self.epoch = 1
        self.heads = dict.fromkeys(SYMBOLS, 0)
        self.fate: Counter[tuple[str, int, int]] = Counter()
        self.begun: dict[str, tuple[str, int]] = {}
        self.sent: dict[str, int] = {}
        self.delivered = self.skipped = 0
        self.online = False
        self.go_online()

    # The server.

    def go_online(self) -> None:
        self.online = True
        self.sent = {}
        self.delivered = self.skipped = 0
        self.session.opened()
        self.tell(welcome())
        self.answer()

    def tell(self, *events: Event) -> None:
        self.inbox.put(self.session.receive(message(*events)))

    def answer(self) -> None:
        """Answer what the client has said."""
        while self.session.outgoing:
            said = json.loads(self.session.outgoing.popleft())
            names = [name.rpartition(":")[2] for name in said["symbols"]]
            if said["action"] == "unsubscribe":
                for name in names:
                    self.sent.pop(name, None)
                self.tell(unsubscribed(*names, id=said["id"]))
                continue
            shown = [
                name for name in names if said["snapshot"] and name not in self.sent and self.heads[name]
            ]
            for name in names:
                self.sent.setdefault(name, self.heads[name])
            results = [
                result(self.sent[name] - (name in shown), name, epoch=f"e{self.epoch}") for name in names
            ]
            self.delivered += len(shown)
            self.tell(
                subscribed(*results, id=said["id"]),
                *(quote(self.heads[name], name, snapshot=True) for name in shown),
            )
        self.session.answered.clear()

    @rule(symbol=symbols, skipped=st.integers(0, 3), count=st.integers(1, 3))
    def publish(self, symbol: str, skipped: int, count: int) -> None:
        self.heads[symbol] += skipped + 1
        events = []
        for number in range(count):
            if number:
                self.heads[symbol] += 1
            if symbol in self.sent:
                skip = self.heads[symbol] - self.sent[symbol] - 1
                self.sent[symbol] = self.heads[symbol]
                self.delivered += 1
                self.skipped += skip
                events.append(quote(self.heads[symbol], symbol, **({"skipped": skip} if skip else {})))
        if events:
            self.tell(*events)

    @rule()
    def beat(self) -> None:
        if self.online:
            counts = {"delivered": self.delivered, "skipped": self.skipped}
            self.tell({"event": "heartbeat", "timestamp": "1", "published": 0, "missing": 0, "pending": 0,
                       "as_of": "e:1", **counts})  # fmt: skip

    @rule()
    def disconnect(self) -> None:
        if self.online:
            self.online = False
            self.sent = {}
            self.session.lost()

    @rule()
    def reconnect(self) -> None:
        if not self.online:
            self.go_online()

    @rule(lost=st.booleans())
    def restart(self, lost: bool) -> None:
        """The server ends; sometimes its epoch does, too."""
        self.disconnect()
        if lost:
            self.epoch += 1
            self.heads = dict.fromkeys(SYMBOLS, 0)

    # The user.

    @rule(symbol=symbols, snapshot=st.booleans(), answered=st.booleans())
    def subscribe(self, symbol: str, snapshot: bool, answered: bool) -> None:
        self.session.subscribe([symbol], every(), snapshot=snapshot)
        if self.online and answered:
            self.answer()

    @rule(symbol=symbols)
    def unsubscribe(self, symbol: str) -> None:
        if self.online:
            self.answer()
            self.session.unsubscribe([symbol])
            self.answer()

    @rule(count=st.integers(1, 8))
    def read(self, count: int) -> None:
        while count and (event := self.inbox.pop()) is not None:
            count -= 1
            before = dict(self.ledger.positions)
            self.ledger.take(event)
            assert not isinstance(event, Violation), event
            if isinstance(event, Quote):
                assert event.bid_text == f"{event.seq}.10"
                epoch, seq = parse_position(before[event.name])
                for place in range(seq + 1, event.seq + 1):
                    self.fate[event.symbol, int(epoch[1:]), place] += 1
            elif isinstance(event, Subscribed):
                for begun in event.results:
                    self.begun[begun.symbol] = (str(begun.epoch), begun.seq or 0)
            elif isinstance(event, Unsubscribed):
                for left in event.results:
                    for place in [place for place in self.fate if place[0] == left.symbol]:
                        del self.fate[place]
            elif isinstance(event, Gap):
                epoch, seq = parse_position(before[event.name])
                assert (event.epoch, event.from_seq) == (epoch, seq + 1)
                for place in range(event.from_seq, (event.to_seq or 0) + 1):
                    self.fate[event.symbol, int(epoch[1:]), place] += 1

    # What holds.

    @invariant()
    def the_books_are_in_order(self) -> None:
        if not hasattr(self, "session"):
            return
        told = self.ledger.delivered + self.ledger.skipped + self.ledger.missing
        assert told + self.inbox.pending == self.session.intake.published
        assert (self.ledger.broken, self.session.intake.violations) == (0, 0)

    def teardown(self) -> None:
        if not hasattr(self, "session"):
            return
        if not self.online:
            self.go_online()
        self.answer()
        self.read(-1)
        assert self.inbox.pending == 0
        for name, text in self.ledger.positions.items():
            symbol = name.rpartition(":")[2]
            assert text == f"e{self.epoch}:{self.sent[symbol]}", "the reader is where the server is"
            epoch, first = self.begun[symbol]
            first = first if epoch == f"e{self.epoch}" else 0
            told = {place: times for place, times in self.fate.items() if place[:2] == (symbol, self.epoch)}
            assert told == {(symbol, self.epoch, seq): 1 for seq in range(first + 1, self.sent[symbol] + 1)}


TestHistory = History.TestCase
TestHistory.settings = settings(deadline=None, max_examples=150, stateful_step_count=40)
