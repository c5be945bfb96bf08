"""The queue: bounded, never stale where it may conflate, and exact about what it leaves out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client.messages import EPOCH, gap, message, quote, result, subscribed, unsubscribed
from tradewatch.client.events import Gap, Quote, StreamEvent, Violation
from tradewatch.client.inbox import Inbox
from tradewatch.client.intake import Intake
from tradewatch.client.ledger import Ledger
from tradewatch.client.reading import read_events


def read(*events: dict[str, object]) -> list[StreamEvent]:
    return list(read_events(message(*events)))  # type: ignore[arg-type]


def drained(inbox: Inbox) -> list[StreamEvent]:
    return list(iter(inbox.pop, None))


def test_below_its_limit_it_is_a_queue() -> None:
    events = read(quote(1), quote(2), gap(3, 4), quote(5), quote(6, "ETHUSD"))
    inbox = Inbox(limit=5, conflate=True)
    inbox.put(events)
    assert (len(inbox), inbox.pending) == (5, 6)
    assert drained(inbox) == events
    assert inbox.pop() is None


def test_beyond_its_limit_the_newest_takes_the_place_of_what_waits() -> None:
    inbox = Inbox(limit=3, conflate=True)
    inbox.put(read(quote(1), quote(1, "ETHUSD"), quote(3, skipped=1), quote(4)))
    assert (len(inbox), inbox.pending, inbox.conflated) == (2, 5, 2)
    inbox.put(read(quote(5), quote(2, "ETHUSD")))
    assert len(inbox) == 2
    bitcoin, ether = drained(inbox)
    assert isinstance(bitcoin, Quote)
    assert isinstance(ether, Quote)
    assert (bitcoin.seq, bitcoin.skipped, bitcoin.bid_text) == (5, 4, "5.10")
    assert (ether.symbol, ether.seq, ether.skipped) == ("ETHUSD", 2, 1)


def test_once_it_was_empty_every_quote_waits_for_itself_again() -> None:
    inbox = Inbox(limit=2, conflate=True)
    inbox.put(read(quote(1), quote(2), quote(3)))
    assert len(inbox) == 1
    drained(inbox)
    inbox.put(read(quote(4), quote(5)))
    assert len(inbox) == 2


def test_a_gap_takes_in_what_waited_before_it_and_the_gap_before() -> None:
    inbox = Inbox(limit=1, conflate=True)
    inbox.put(
        read(
            quote(3, skipped=1),
            gap(4, 6),
            quote(7),
            gap(8, 9, cause="restart"),
            quote(10),
            quote(12, skipped=1),
        )
    )
    told, newest = drained(inbox)
    assert isinstance(told, Gap)
    assert isinstance(newest, Quote)
    assert (told.from_seq, told.to_seq, told.cause) == (2, 9, "restart")
    assert (newest.seq, newest.skipped) == (12, 2)


def test_each_epoch_keeps_its_gap() -> None:
    inbox = Inbox(limit=1, conflate=True)
    inbox.put(read(gap(4, None, next_epoch="b"), {**gap(1, 7), "epoch": "b"}, quote(8), quote(9)))
    ended, begun, newest = drained(inbox)
    assert isinstance(ended, Gap)
    assert isinstance(begun, Gap)
    assert isinstance(newest, Quote)
    assert (ended.epoch, ended.from_seq, ended.to_seq, ended.next_epoch) == (EPOCH, 4, None, "b")
    assert (begun.epoch, begun.from_seq, begun.to_seq) == ("b", 1, 7)
    assert (newest.seq, newest.skipped) == (9, 1)


def test_what_comes_after_an_unsubscribe_does_not_join_what_came_before() -> None:
    inbox = Inbox(limit=1, conflate=True)
    inbox.put(read(quote(1), quote(2), unsubscribed("BTCUSD"), subscribed(result(8)), quote(9), quote(10)))
    first, _, _, last = drained(inbox)
    assert isinstance(first, Quote)
    assert isinstance(last, Quote)
    assert (first.seq, first.skipped, last.seq, last.skipped) == (2, 1, 10, 1)


def test_other_events_are_bounded_and_counted() -> None:
    inbox = Inbox(limit=4, conflate=True)
    for number in range(50):
        inbox.put([Violation(message=str(number)), *read(quote(number + 1))])
    assert len(inbox) == 5
    assert inbox.left_out == 46
    kept = [event.message for event in drained(inbox) if isinstance(event, Violation)]
    assert kept == ["0", "1", "2", "3"]


def test_who_blocks_is_told_when_to_stop_and_when_to_go_on() -> None:
    inbox = Inbox(limit=4, conflate=False)
    inbox.put(read(quote(1), quote(2), quote(3)))
    assert not inbox.full
    inbox.put(read(quote(4), quote(5)))
    assert (inbox.full, inbox.roomy) == (True, False)
    assert [event.seq for event in (inbox.pop(), inbox.pop(), inbox.pop())] == [1, 2, 3]  # type: ignore[union-attr]
    assert (inbox.full, inbox.roomy, inbox.conflated) == (False, True, 0)


#: What a server does with the next quotes of a symbol, or how much the reader reads.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("quote"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("gap"), st.integers(0, 3), st.integers(1, 3)),
        st.tuples(st.just("epoch"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("read"), st.integers(1, 6), st.just(0)),
    ),
    max_size=80,
)


@settings(deadline=None)
@given(steps=steps, limit=st.integers(1, 12))
def test_whatever_it_conflates_the_law_holds_for_who_reads(
    steps: list[tuple[str, int, int]], limit: int
) -> None:
    intake, ledger, inbox = Intake(), Ledger(), Inbox(limit=limit, conflate=True)
    symbols = [f"S{number}" for number in range(4)]
    heads = dict.fromkeys(symbols, (EPOCH, 0))
    delivered: dict[str, tuple[str, int]] = {}

    def feed(*events: dict[str, object]) -> None:
        inbox.put(intake.take(read_events(message(*events)))[0])  # type: ignore[arg-type]

    def read_on(count: int) -> None:
        while count and (event := inbox.pop()) is not None:
            count -= 1
            ledger.take(event)
            if isinstance(event, Quote):
                assert event.bid_text == f"{event.seq}.10"
                delivered[event.symbol] = (ledger.positions[event.name].split(":")[0], event.seq)

    feed(subscribed(*(result(0, symbol) for symbol in symbols)))
    for kind, which, count in steps:
        if kind == "read":
            read_on(which)
            continue
        symbol = symbols[which]
        epoch, seq = heads[symbol]
        if kind == "quote":
            heads[symbol] = (epoch, seq + 1 + count)
            feed(quote(seq + 1 + count, symbol, skipped=count))
        elif kind == "gap":
            heads[symbol] = (epoch, seq + count)
            feed({**gap(seq + 1, seq + count, symbol), "epoch": epoch})
        else:
            heads[symbol] = (f"{epoch}x", 0)
            feed(
                {
                    **gap(seq + 1, None if count == 0 else seq + count, symbol),
                    "epoch": epoch,
                    "next_epoch": f"{epoch}x",
                }
            )
        assert len(inbox) <= max(limit, 4) + 1
        assert inbox.pending + ledger.delivered + ledger.skipped + ledger.missing == intake.published
    read_on(-1)
    assert (intake.violations, ledger.broken, inbox.pending) == (0, 0, 0)
    assert ledger.positions == {f"crypto:{s}": f"{epoch}:{seq}" for s, (epoch, seq) in heads.items()}
