"""One-time tickets."""

import base64
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.access import tickets as module
from tradewatch.access.keyring import KeyRing
from tradewatch.access.tickets import Ticket, Tickets
from tradewatch.errors import TicketError
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.refusal import RefusalReason

CRYPTO, STOCKS = AssetClass.CRYPTO, AssetClass.STOCKS
EXPIRED = RefusalReason.TICKET_EXPIRED


def counting() -> Callable[[int], bytes]:
    """Bytes that differ each time."""
    numbers = itertools.count()
    return lambda size: next(numbers).to_bytes(size, "big")


def test_a_ticket_is_good_once():
    tickets = Tickets()
    text, ticket = tickets.issue("k1", now_s=100.0)
    assert tickets.redeem(text, 129.5) is ticket
    assert tickets.redeem(text, 129.5) is EXPIRED
    assert (tickets.issued, tickets.redeemed, tickets.refused) == (1, 1, 1)
    assert tickets.open_count(129.5) == 0


def test_a_ticket_carries_what_it_was_issued_with():
    tickets = Tickets()
    text, _ = tickets.issue(
        "k1",
        subject="visitor 7",
        classes=[CRYPTO],
        symbols=["btc*", "ETHUSD", "BTC*"],
        max_connections=2,
        ttl_s=5,
        now_s=100.0,
    )
    ticket = tickets.redeem(text, 104.5)
    assert isinstance(ticket, Ticket)
    assert (ticket.key_id, ticket.subject, ticket.max_connections) == ("k1", "visitor 7", 2)
    assert (ticket.ttl_s, ticket.expires_s) == (5, 105.0)
    assert (ticket.grant.classes, ticket.grant.symbols) == (frozenset({CRYPTO}), ("BTC*", "ETHUSD"))
    assert not ticket.grant.may_create
    shown = [ticket.grant.allows(*each) for each in ((CRYPTO, "BTCUSD"), (CRYPTO, "XRPUSD"), (STOCKS, "BTC"))]
    assert shown == [True, False, False]


def test_a_ticket_without_restrictions_shows_all():
    _, ticket = Tickets().issue("k1", now_s=0.0)
    assert all(ticket.grant.allows(asset_class, "X") for asset_class in AssetClass)
    assert (ticket.subject, ticket.max_connections, ticket.ttl_s, ticket.expires_s) == (None, None, 30, 30.0)


@pytest.mark.parametrize("ttl_s", [1, 7, 30])
def test_a_ticket_expires(ttl_s: int):
    tickets = Tickets()
    early, _ = tickets.issue("k1", ttl_s=ttl_s, now_s=0.0)
    late, _ = tickets.issue("k1", ttl_s=ttl_s, now_s=0.0)
    assert isinstance(tickets.redeem(early, ttl_s - 0.125), Ticket)
    assert tickets.redeem(late, float(ttl_s)) is EXPIRED
    assert tickets.redeem(late, ttl_s - 0.125) is EXPIRED, "it is gone"


@pytest.mark.parametrize(
    "text", ["", "twt_", "twt_" + "A" * 43, "twt_" + "A" * 44, "x" * 47, "twt_" + "é" * 43, "\udcff", "\n"]
)
def test_what_was_never_issued_is_answered_like_what_expired(text: str):
    tickets = Tickets()
    tickets.issue("k1", now_s=0.0)
    assert tickets.redeem(text, 0.0) is EXPIRED
    assert tickets.refused == 1


def test_the_text_is_256_random_bits_and_is_no_key():
    tickets = Tickets(random_bytes=lambda size: bytes(range(size)))
    text, _ = tickets.issue("k1", now_s=0.0)
    assert text == "twt_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert base64.urlsafe_b64decode(text.removeprefix("twt_") + "=") == bytes(range(32))
    assert KeyRing().check(text) is RefusalReason.KEY_UNKNOWN
    assert tickets.redeem("tw_0123456789ab_" + "A" * 43, 0.0) is EXPIRED, "a key is no ticket"
    assert len({Tickets().issue("k1", now_s=0.0)[0] for _ in range(50)}) == 50


def test_the_secret_is_kept_nowhere():
    tickets = Tickets()
    text, ticket = tickets.issue("k1", now_s=0.0)
    assert text.removeprefix("twt_") not in repr(ticket) + repr(tickets) + repr(vars(tickets))


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"ttl_s": 0}, "ttl_s = 0 is not from 1 to 30"),
        ({"ttl_s": 31}, "ttl_s = 31 is not from 1 to 30"),
        ({"max_connections": 0}, "max_connections = 0 is less than 1"),
        ({"subject": ""}, "a subject is 1 to 128 printable characters"),
        ({"subject": "x" * 129}, "a subject is 1 to 128 printable characters"),
        ({"subject": "a\nb"}, "a subject is 1 to 128 printable characters"),
        (
            {"classes": []},
            "a ticket shows at least one class and one symbol; leave out what is not restricted",
        ),
        (
            {"symbols": []},
            "a ticket shows at least one class and one symbol; leave out what is not restricted",
        ),
        (
            {"symbols": ["BTC?"]},
            "not a symbol pattern: 'BTC?' (upper-case letters, digits, . _ - and the wildcard *, at most 32)",
        ),
        ({"symbols": [f"S{number}" for number in range(1_001)]}, "1,001 symbol patterns are more than 100"),
    ],
)
def test_what_cannot_be_issued_is_named(arguments: dict, fault: str):
    tickets = Tickets()
    with pytest.raises(TicketError) as caught:
        tickets.issue("k1", now_s=0.0, **arguments)
    assert str(caught.value) == fault
    assert caught.value.retry_after_s is None
    assert (tickets.issued, tickets.open_count(0.0)) == (0, 0)


def test_a_key_holds_so_many_open_tickets():
    tickets = Tickets(per_key=2)
    text, _ = tickets.issue("k1", ttl_s=10, now_s=0.0)
    tickets.issue("k1", ttl_s=30, now_s=0.0)
    with pytest.raises(TicketError) as caught:
        tickets.issue("k1", now_s=1.0)
    assert str(caught.value) == "this key has 2 open tickets and takes no more until one is used or expires"
    assert caught.value.retry_after_s == 30
    tickets.issue("k2", now_s=1.0)
    tickets.redeem(text, 1.0)
    tickets.issue("k1", ttl_s=5, now_s=1.0)
    tickets.issue("k1", now_s=6.0)
    assert tickets.open_count(6.0) == 3


def test_a_server_holds_so_many_open_tickets():
    tickets = Tickets(limit=2)
    tickets.issue("k1", ttl_s=1, now_s=0.0)
    tickets.issue("k2", now_s=0.0)
    with pytest.raises(TicketError, match=r"^the server holds 2 open tickets and takes no more"):
        tickets.issue("k3", now_s=0.5)
    tickets.issue("k3", now_s=1.0)


def test_a_server_holds_so_many_patterns(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_PATTERNS_OPEN", 5)
    tickets = Tickets()
    text, _ = tickets.issue("k1", symbols=["A", "B", "C"], now_s=0.0)
    with pytest.raises(TicketError, match=r"^open tickets hold 5 symbol patterns and takes no more"):
        tickets.issue("k2", symbols=["A", "B", "C"], now_s=0.0)
    tickets.issue("k2", symbols=["A", "B"], now_s=0.0)
    tickets.redeem(text, 0.0)
    tickets.issue("k2", symbols=["A", "B", "C"], now_s=0.0)


def test_many_that_expired_at_once_are_forgotten_in_turns():
    tickets = Tickets(per_key=5_000)
    texts = [tickets.issue("k1", ttl_s=1 + number % 30, now_s=0.0)[0] for number in range(2_500)]
    assert tickets.open_count(0.0) == 2_500
    assert tickets.redeem(texts[-1], 30.0) is EXPIRED, "forgotten or not"
    assert [tickets.open_count(30.0) for _ in range(3)] == [1_499, 499, 0]


def test_a_revoked_key_takes_its_tickets_with_it():
    tickets = Tickets()
    gone = [tickets.issue("k1", now_s=0.0)[0] for _ in range(3)]
    kept, ticket = tickets.issue("k2", now_s=0.0)
    tickets.redeem(gone[0], 0.0)
    assert tickets.revoke_key("k1") == 2
    assert tickets.revoke_key("k1") == 0
    assert [tickets.redeem(text, 0.0) for text in gone] == [EXPIRED] * 3
    assert tickets.redeem(kept, 0.0) is ticket


def test_nothing_is_left_of_what_is_over():
    tickets = Tickets()
    fresh = {name: repr(value) for name, value in vars(tickets).items() if name in {"_open", "_by_key"}}
    text, _ = tickets.issue("k1", now_s=0.0)
    tickets.redeem(text, 0.0)
    tickets.issue("k2", now_s=0.0)
    tickets.revoke_key("k2")
    tickets.issue("k3", now_s=0.0)
    tickets.open_count(30.0)
    assert {name: repr(vars(tickets)[name]) for name in fresh} == fresh


STEPS = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda eighths: eighths / 8),
        st.sampled_from(["issue", "issue", "redeem", "revoke"]),
        st.integers(0, 30),
    ),
    max_size=80,
)


@settings(deadline=None)
@given(STEPS)
def test_a_history_of_tickets(steps):
    """Against one list of all tickets ever issued."""
    tickets = Tickets(limit=8, per_key=5, random_bytes=counting())
    ever: list[dict] = []
    now_s = 0.0
    for step_s, action, number in steps:
        now_s += step_s
        open_now = [each for each in ever if each["open"] and now_s < each["expires_s"]]
        key_id = f"k{number % 2}"
        if action == "issue":
            ttl_s = max(1, number)
            fits = len(open_now) < 8 and sum(each["key_id"] == key_id for each in open_now) < 5
            try:
                text, _ = tickets.issue(key_id, ttl_s=ttl_s, now_s=now_s)
            except TicketError:
                assert not fits
            else:
                assert fits
                ever.append({"text": text, "key_id": key_id, "expires_s": now_s + ttl_s, "open": True})
        elif action == "redeem" and ever:
            each = ever[number % len(ever)]
            answer = tickets.redeem(each["text"], now_s)
            assert isinstance(answer, Ticket) is (each in open_now)
            each["open"] = False
        elif action == "revoke":
            tickets.revoke_key(key_id)
            for each in ever:
                each["open"] &= each["key_id"] != key_id
        assert tickets.open_count(now_s) == sum(each["open"] and now_s < each["expires_s"] for each in ever)
