"""The entrance: from a handshake to a permit, or to the answer that refuses it."""

from typing import Any

import pytest

from tradewatch.access.attempts import Attempts
from tradewatch.access.key import Key, Scope, mint
from tradewatch.access.keyring import KeyRing
from tradewatch.access.permit import Permit, Permits
from tradewatch.access.plan import Plans
from tradewatch.access.tickets import Ticket, Tickets
from tradewatch.clock import ManualClock
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.origin import OriginRule
from tradewatch.protocol.refusal import Refusal
from tradewatch.server.stream.channel import Head
from tradewatch.server.stream.entrance import Entrance
from tradewatch.server.stream.registry import Connections

CRYPTO, STOCKS = AssetClass.CRYPTO, AssetClass.STOCKS
ADDRESS = "192.0.2.7"
PLANS = {
    "rest": {"websocket": False},
    "crypto": {"asset_classes": ["crypto"]},
    "pair": {"connections": 2},
}


class StubMember:
    """An open connection, as far as an entrance looks at it."""

    def __init__(self, key_id: str, opened_s: float, ticket: Ticket | None) -> None:
        self.key_id, self.opened_s, self.ticket = key_id, opened_s, ticket
        self.address = ADDRESS


class House:
    """An entrance, and what stands behind it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ring = KeyRing()
        self.tickets = Tickets()
        self.attempts = Attempts(3)
        self.connections = Connections(max_connections=100, retry_after_s=4)
        self.entrance = Entrance(
            ring=self.ring,
            tickets=self.tickets,
            permits=Permits(Plans(PLANS), ConnectionLimits()),
            attempts=self.attempts,
            origins=OriginRule(["https://app.example.com"], setting="origins"),
            connections=self.connections,
            clock=self.clock,
        )

    def key(self, plan: str = "standard", *scopes: Scope) -> tuple[Key, str]:
        key, text = mint(name="one", plan=plan, scopes=scopes, now_ns=0)
        self.ring.add_memory_key(key)
        return key, text

    def ticket(self, key: Key, **asked: Any) -> str:
        return self.tickets.issue(key.id, now_s=self.clock.monotonic_s(), **asked)[0]

    def hold(self, key: Key, count: int, ticket: Ticket | None = None) -> list[StubMember]:
        """So many connections of a key, one a second."""
        members = []
        for _ in range(count):
            members.append(StubMember(key.id, self.clock.monotonic_s(), ticket))
            self.connections.admit(members[-1], key.id)  # type: ignore[arg-type]
            self.clock.advance(1)
        return members


@pytest.fixture
def house() -> House:
    return House()


def head(text: str = "", **more: str) -> Head:
    """A handshake with this key; other headers by name, `ticket` in the query."""
    query = {"ticket": more.pop("ticket")} if "ticket" in more else {}
    headers = {"host": "localhost:8000", **more, **({"api-key": text} if text else {})}
    return Head("/", query, headers, ADDRESS)


def refused(answer: object) -> tuple[int, str]:
    assert isinstance(answer, Refusal), answer
    return answer.status, answer.reason


def permitted(answer: object) -> Permit:
    assert isinstance(answer, Permit), answer
    return answer


def test_a_good_key_gets_the_permit_of_its_plan(house: House) -> None:
    key, text = house.key("crypto")
    permit = permitted(house.entrance.enter(head(text), CRYPTO))
    assert (permit.key, permit.plan.name, permit.ticket) == (key, "crypto", None)
    assert permitted(house.entrance.enter(head(text), None)).rights.classes == (CRYPTO,)


@pytest.mark.parametrize(
    ("plan", "asset_class", "answer"),
    [
        ("rest", CRYPTO, (403, "plan_without_websocket")),
        ("rest", None, (403, "plan_without_websocket")),
        ("crypto", STOCKS, (403, "plan_without_class")),
        ("gone", CRYPTO, (403, "plan_unknown")),
    ],
)
def test_what_a_plan_does_not_have(
    house: House, plan: str, asset_class: AssetClass | None, answer: tuple[int, str]
) -> None:
    _, text = house.key(plan)
    assert refused(house.entrance.enter(head(text), asset_class)) == answer


def test_the_origin_is_asked_before_the_key(house: House) -> None:
    _, text = house.key("standard", Scope.PUBLISH)
    strange = head(text, origin="https://evil.example.com")
    assert refused(house.entrance.enter(strange, None)) == (403, "origin_refused")
    assert refused(house.entrance.enter_publisher(strange)) == (403, "origin_refused")
    assert refused(house.entrance.enter(head(origin="https://evil.example.com"), None))[0] == 403
    for origin in ("http://localhost:8000", "https://app.example.com"):
        permitted(house.entrance.enter(head(text, origin=origin), None))
    assert refused(house.entrance.enter(head(), None)) == (401, "key_missing")


def test_a_key_has_as_many_connections_as_its_plan_says_and_the_refusal_names_them(house: House) -> None:
    key, text = house.key("pair")
    other, _ = house.key("pair")
    house.hold(other, 2)
    house.hold(key, 1)
    permitted(house.entrance.enter(head(text), None))
    house.hold(key, 1)
    answer = house.entrance.enter(head(text), None)
    assert refused(answer) == (429, "too_many_connections")
    assert isinstance(answer, Refusal)
    assert answer.retry_after_s == 4
    assert answer.details == {"holders": [{"address": ADDRESS, "age_s": 2}, {"address": ADDRESS, "age_s": 1}]}


def test_a_refusal_names_the_oldest_twenty(house: House) -> None:
    house.entrance.permits = Permits(Plans({"pair": {"connections": 30}}), ConnectionLimits())
    key, text = house.key("pair")
    house.hold(key, 30)
    answer = house.entrance.enter(head(text), None)
    assert isinstance(answer, Refusal)
    holders: Any = answer.details["holders"]
    assert [holder["age_s"] for holder in holders] == list(range(30, 10, -1))


def test_publishers_need_the_scope_and_count_among_the_connections(house: House) -> None:
    _, reader = house.key("pair")
    assert refused(house.entrance.enter_publisher(head(reader))) == (403, "scope_missing")
    key, text = house.key("pair", Scope.PUBLISH)
    assert house.entrance.enter_publisher(head(text)) is key
    house.hold(key, 2)
    assert refused(house.entrance.enter_publisher(head(text))) == (429, "too_many_connections")
    _, gone = house.key("gone", Scope.PUBLISH)
    assert refused(house.entrance.enter_publisher(head(gone))) == (403, "plan_unknown")


def test_a_ticket_opens_once_and_what_it_names_narrows(house: House) -> None:
    key, _ = house.key()
    text = house.ticket(key, classes=[CRYPTO], symbols=["BTC*"])
    permit = permitted(house.entrance.enter(head(ticket=text), CRYPTO))
    assert permit.ticket is not None
    assert permit.key is key
    assert (permit.rights.classes, permit.rights.wildcard) == ((CRYPTO,), False)
    assert refused(house.entrance.enter(head(ticket=text), CRYPTO)) == (401, "ticket_expired")


def test_a_ticket_for_other_classes_does_not_open_this_one(house: House) -> None:
    key, _ = house.key()
    text = house.ticket(key, classes=[CRYPTO])
    assert refused(house.entrance.enter(head(ticket=text), STOCKS)) == (403, "plan_without_class")
    # It was refused for another reason than itself, so it is still good where it fits.
    assert permitted(house.entrance.enter(head(ticket=text), CRYPTO)).ticket is not None
    assert refused(house.entrance.enter(head(ticket=text), CRYPTO)) == (401, "ticket_expired")


@pytest.mark.parametrize("text", ["", "twt_", "twt_" + "a" * 43, "tw_000000000000_" + "a" * 43])
def test_what_is_no_ticket_is_told_like_one_that_was_used(house: House, text: str) -> None:
    assert refused(house.entrance.enter(head(ticket=text), None)) == (401, "ticket_expired")


def test_a_ticket_expires_and_dies_with_its_key(house: House) -> None:
    key, _ = house.key()
    late, early = house.ticket(key, ttl_s=30), house.ticket(key, ttl_s=5)
    house.clock.advance(5)
    assert refused(house.entrance.enter(head(ticket=early), None)) == (401, "ticket_expired")
    house.tickets.revoke_key(key.id)
    assert refused(house.entrance.enter(head(ticket=late), None)) == (401, "ticket_expired")


def test_where_a_key_comes_with_a_ticket_the_key_counts_and_the_ticket_stays_good(house: House) -> None:
    key, text = house.key()
    ticket = house.ticket(key, classes=[CRYPTO])
    assert permitted(house.entrance.enter(head(text, ticket=ticket), None)).ticket is None
    assert permitted(house.entrance.enter(head(ticket=ticket), None)).ticket is not None


def test_a_ticket_opens_no_publishing(house: House) -> None:
    key, _ = house.key("standard", Scope.PUBLISH)
    ticket = house.ticket(key)
    assert refused(house.entrance.enter_publisher(head(ticket=ticket))) == (401, "key_missing")


def test_connections_of_a_ticket_are_counted_by_its_subject_and_for_its_key(house: House) -> None:
    key, text = house.key("pair")
    asked: dict[str, Any] = {"subject": "page 7", "max_connections": 1}
    first = permitted(house.entrance.enter(head(ticket=house.ticket(key, **asked)), None))
    house.hold(key, 1, first.ticket)
    answer = house.entrance.enter(head(ticket=house.ticket(key, **asked)), None)
    assert refused(answer) == (429, "too_many_connections")
    other = permitted(house.entrance.enter(head(ticket=house.ticket(key, subject="page 8")), None))
    house.hold(key, 1, other.ticket)
    third = house.entrance.enter(head(ticket=house.ticket(key, subject="page 9")), None)
    assert refused(third) == (429, "too_many_connections")
    assert isinstance(third, Refusal)
    assert third.details == {}, "the holder of a ticket learns nothing of the others"
    assert refused(house.entrance.enter(head(text), None)) == (429, "too_many_connections")


def test_attempts_are_counted_and_the_next_one_waits(house: House) -> None:
    assert [house.entrance.knock(ADDRESS) for _ in range(3)] == [None] * 3
    answer = house.entrance.knock(ADDRESS)
    assert refused(answer) == (429, "too_many_attempts")
    assert isinstance(answer, Refusal)
    assert answer.retry_after_s == 10
    assert house.entrance.knock("192.0.2.8") is None
    house.clock.advance(10)
    assert house.entrance.knock(ADDRESS) is None


@pytest.mark.parametrize(("plan", "banned"), [("unlimited", False), ("standard", True)])
def test_handshakes_of_unlimited_keys_are_no_attempts(house: House, plan: str, banned: bool) -> None:
    _, text = house.key(plan)
    answers = []
    for _ in range(10):
        answers.append(house.entrance.knock(ADDRESS))
        if answers[-1] is None:
            permitted(house.entrance.enter(head(text), None))
    assert any(answers) is banned


def test_a_refused_handshake_of_an_unlimited_key_is_an_attempt(house: House) -> None:
    house.entrance.permits = Permits(Plans({"unlimited": {"asset_classes": ["crypto"]}}), ConnectionLimits())
    _, text = house.key("unlimited")
    for _ in range(3):
        assert house.entrance.knock(ADDRESS) is None
        assert refused(house.entrance.enter(head(text), STOCKS)) == (403, "plan_without_class")
    assert refused(house.entrance.knock(ADDRESS)) == (429, "too_many_attempts")


def test_what_an_open_connection_may_have_now(house: House) -> None:
    key, _ = house.key("crypto")
    ticket = permitted(house.entrance.enter(head(ticket=house.ticket(key, symbols=["BTC*"])), CRYPTO)).ticket
    plain, narrowed = (house.hold(key, 1, shown)[0] for shown in (None, ticket))
    house.entrance.permits = Permits(Plans({"crypto": {"symbols": 3}}), ConnectionLimits())
    permits: list[Any] = [house.entrance.permit_of(each) for each in (plain, narrowed)]  # type: ignore[arg-type]
    assert [permit.limits.symbols for permit in permits] == [3, 3]
    assert [permit.rights.allows is None for permit in permits] == [True, False]
    house.entrance.permits = Permits(Plans(), ConnectionLimits())
    assert house.entrance.permit_of(plain) is None, "its plan is gone"  # type: ignore[arg-type]
    unknown = StubMember("nobody", 0.0, None)
    assert house.entrance.permit_of(unknown) is None  # type: ignore[arg-type]
