"""`/account/connections`: a key's own connections, listed and closed."""

from typing import Any

import httpx
import pytest
from tests.server.rest.conftest import House

from tradewatch.access.key import Key
from tradewatch.access.tickets import Ticket, Tickets
from tradewatch.protocol.codes import CloseCode
from tradewatch.server.rest.connections import MOST_LISTED, connection_routes
from tradewatch.server.stream.registry import Connections


class StubMember:
    """An open connection, as far as it is shown."""

    def __init__(self, number: int, key: Key, opened_s: float, **known: Any) -> None:
        self.id, self.key_id, self.opened_s = f"c{number}", key.id, opened_s
        self.address = "192.0.2.7"
        self.ticket: Ticket | None = known.get("ticket")
        self.queued_bytes: int = known.get("queued_bytes", 0)
        self.behind_since_s: float | None = known.get("behind_since_s")
        self.closes: list[CloseCode] = []

    def close(self, code: CloseCode) -> None:
        self.closes.append(code)


@pytest.fixture
def connections() -> Connections:
    return Connections(max_connections=10)


def admit(connections: Connections, member: StubMember) -> StubMember:
    connections.admit(member, member.key_id)  # type: ignore[arg-type]
    return member


def client_of(house: House, connections: Connections, key: str | None = None) -> httpx.AsyncClient:
    return house.client(connection_routes(house.gate, connections, clock=house.clock), key=key)


async def test_a_key_sees_its_own_connections_the_oldest_first(
    house: House, connections: Connections
) -> None:
    key, text = house.key("stream")
    other, _ = house.key()
    _, ticket = Tickets().issue(key.id, subject="page 7", now_s=0)
    admit(connections, StubMember(1, key, 0.0))
    admit(connections, StubMember(2, other, 0.0))
    house.clock.advance(61.5)
    admit(connections, StubMember(3, key, 61.5, ticket=ticket, queued_bytes=70_000, behind_since_s=60.25))
    async with house.client(
        connection_routes(house.gate, connections, clock=house.clock), key=text
    ) as client:
        answer = await client.get("/account/connections")
    assert answer.status_code == 200
    assert answer.json() == {
        "items": [
            {
                "id": "c1",
                "address": "192.0.2.7",
                "opened": "2026-01-02T21:27:19Z",
                "age_s": 61.5,
                "subject": None,
                "queued_bytes": 0,
                "lag_ms": 0,
            },
            {
                "id": "c3",
                "address": "192.0.2.7",
                "opened": "2026-01-02T21:28:20Z",
                "age_s": 0.0,
                "subject": "page 7",
                "queued_bytes": 70_000,
                "lag_ms": 1_250,
            },
        ],
        "total": 2,
    }


async def test_the_list_is_bounded_and_has_the_total(house: House, connections: Connections) -> None:
    key, text = house.key("unlimited")
    for number in range(MOST_LISTED + 1):
        admit(connections, StubMember(number, key, 0.0))
    async with house.client(
        connection_routes(house.gate, connections, clock=house.clock), key=text
    ) as client:
        body = (await client.get("/account/connections")).json()
    assert (len(body["items"]), body["total"]) == (MOST_LISTED, MOST_LISTED + 1)
    assert body["items"][-1]["id"] == f"c{MOST_LISTED - 1}"


async def test_who_leaves_while_the_list_is_made_is_not_in_it(house: House, connections: Connections) -> None:
    class Last(StubMember):
        """The last of the first slice: when it is asked, another goes."""

        @property
        def queued_bytes(self) -> int:  # type: ignore[override]
            connections.remove(members[60])  # type: ignore[arg-type]
            return 0

        @queued_bytes.setter
        def queued_bytes(self, value: int) -> None:
            """As the base has it."""

    key, text = house.key("unlimited")
    members = [(Last if number == 49 else StubMember)(number, key, 0.0) for number in range(100)]
    for member in members:
        admit(connections, member)
    async with client_of(house, connections, text) as client:
        body = (await client.get("/account/connections")).json()
    assert [item["id"] for item in body["items"]] == [f"c{number}" for number in range(100) if number != 60]


async def test_one_is_closed_and_no_other(house: House, connections: Connections) -> None:
    key, text = house.key()
    other, _ = house.key()
    one, two = admit(connections, StubMember(1, key, 0.0)), admit(connections, StubMember(2, key, 0.0))
    foreign = admit(connections, StubMember(3, other, 0.0))
    async with house.client(
        connection_routes(house.gate, connections, clock=house.clock), key=text
    ) as client:
        answer = await client.delete("/account/connections/c2")
        assert (answer.status_code, answer.content) == (204, b"")
        for wanted in ("c3", "c4", "C2"):
            answer = await client.delete(f"/account/connections/{wanted}")
            assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "not_found")
            assert wanted in answer.json()["error"]["message"]
    assert (one.closes, two.closes, foreign.closes) == ([], [CloseCode.CLOSED_BY_OWNER], [])


async def test_a_key_is_needed(house: House, connections: Connections) -> None:
    async with client_of(house, connections) as client:
        assert (await client.get("/account/connections")).status_code == 401
        assert (await client.delete("/account/connections/c1")).status_code == 401
