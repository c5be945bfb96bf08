"""`GET /usage`: what a key used, store and memory together, by the hour or the day."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from tests.server.rest.conftest import House

from tradewatch.access.key import Key
from tradewatch.access.usage import DAY_S, HOUR_S, Counts, Usage, UsageRow
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.access.usage_store import UsageStore
from tradewatch.server.rest.usage import usage_routes
from tradewatch.server.stream.registry import Connections
from tradewatch.server.stream.usage_sweep import Spent, UsageSweep

#: The running hour and day of the house's clock, which shows 21:27:19.253.
HOUR = 1_767_387_600
DAY = 1_767_312_000
COUNTS = Counts(
    connections=1,
    messages_in=20,
    bytes_in=300,
    bytes_out=4_000,
    delivered=50_000,
    skipped=600_000,
    requests=7,
    rest_bytes_in=80,
    rest_bytes_out=900,
)
ENTRY = {"requests": 28, "data": {"request": 380, "response": 4_900}}


class Desk:
    """The route, one key, and where its usage is kept."""

    def __init__(self, house: House, data_dir: Path) -> None:
        self.house = house
        self.store = UsageStore.open(data_dir)
        self.meter = UsageMeter(gateway="0")
        self.connections = Connections(max_connections=10)
        self.sweep = UsageSweep(self.connections, self.meter, clock=house.clock, live_lag_us=lambda: None)
        self.connections.watch(self.sweep)
        self.key: Key
        self.key, self.text = house.key("stream")

    def keep(self, hour_s: int, counts: Counts = COUNTS, *, key_id: str = "", gateway: str = "0") -> None:
        self.store.write([UsageRow(key_id or self.key.id, hour_s, gateway, Usage(counts))])

    def restore(self) -> None:
        for hour_s in self.meter.hours_to_restore():
            self.meter.restore(hour_s, self.store.of_gateway("0", hour_s))

    async def ask(self, path: str = "/usage", **query: object) -> httpx.Response:
        routes = usage_routes(
            self.house.gate,
            connections=self.connections,
            sweep=self.sweep,
            meter=self.meter,
            store=self.store,
            clock=self.house.clock,
        )
        async with self.house.client(routes, key=self.text) as client:
            return await client.get(path, params=query)  # type: ignore[arg-type]  # as the tests say

    async def used(self, **query: object) -> dict[str, Any]:
        answer = await self.ask(**query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def desk(house: House, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(house, tmp_path)
    yield desk
    desk.store.close()


async def test_a_key_that_was_never_used_has_nothing(desk: Desk) -> None:
    assert await desk.used() == {}


@pytest.mark.parametrize("path", ["/usage", "/account/usage"])
async def test_requests_and_bytes_of_both_ways_are_added_up(desk: Desk, path: str) -> None:
    desk.keep(HOUR)
    answer = await desk.ask(path)
    assert answer.text == f'{{"{HOUR}":{{"requests":28,"data":{{"request":380,"response":4900}}}}}}'


async def test_the_last_hours_count_the_running_one_among_them(desk: Desk) -> None:
    for hours in range(200):
        desk.keep(HOUR - hours * HOUR_S)
    assert await desk.used(limit=1) == {str(HOUR): ENTRY}
    assert list(await desk.used()) == [str(HOUR - hours * HOUR_S) for hours in reversed(range(24))]
    assert len(await desk.used(limit=168)) == 168


async def test_days_begin_at_midnight_in_utc_and_hold_their_hours(desk: Desk) -> None:
    for hour_s in (DAY - 2 * DAY_S, DAY - HOUR_S, DAY, HOUR):
        desk.keep(hour_s)
    twice = {"requests": 56, "data": {"request": 760, "response": 9_800}}
    assert await desk.used(interval="1d", limit=1) == {str(DAY): twice}
    assert await desk.used(interval="1d", limit=2) == {str(DAY - DAY_S): ENTRY, str(DAY): twice}
    assert str(DAY - 2 * DAY_S) in await desk.used(interval="1d")


async def test_servers_add_up_and_keys_do_not(desk: Desk) -> None:
    desk.keep(HOUR)
    desk.keep(HOUR, gateway="1")
    desk.keep(HOUR, key_id="other")
    assert (await desk.used())[str(HOUR)]["requests"] == 56


async def test_what_is_in_memory_counts_once(desk: Desk) -> None:
    """What stood in the store at a start is in the meter's total; another server's is not."""
    desk.keep(HOUR, Counts(requests=5))
    desk.keep(HOUR, Counts(requests=100), gateway="1")
    desk.keep(HOUR - HOUR_S, Counts(requests=1_000))
    desk.meter.add(desk.key.id, desk.house.clock.now_ns(), Counts(requests=2))
    desk.restore()
    used = await desk.used()
    assert {start: entry["requests"] for start, entry in used.items()} == {
        str(HOUR - HOUR_S): 1_000,
        str(HOUR): 107,
    }
    desk.store.write(desk.meter.take(10))
    desk.meter.written()
    assert await desk.used() == used


async def test_an_hour_in_memory_that_is_not_asked_for_is_left_out(desk: Desk) -> None:
    desk.meter.add(desk.key.id, desk.house.clock.now_ns(), Counts(requests=1))
    desk.house.clock.advance(HOUR_S)
    desk.meter.add(desk.key.id, desk.house.clock.now_ns(), Counts(requests=2))
    desk.restore()
    assert list(await desk.used(limit=1)) == [str(HOUR + HOUR_S)]
    assert list(await desk.used(limit=2)) == [str(HOUR), str(HOUR + HOUR_S)]


async def test_open_connections_are_looked_at(desk: Desk) -> None:
    member: Any = Mock(key_id=desk.key.id, spent=Spent(0, 10, 100, 0, 0), behind_since_s=None)
    desk.connections.admit(member, desk.key.id)
    desk.restore()
    member.spent = Spent(3, 40, 500, 9, 0)
    assert await desk.used() == {str(HOUR): {"requests": 4, "data": {"request": 40, "response": 500}}}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        *(
            ({"limit": text}, "limit: value is not a valid integer")
            for text in ("x", "", "1.5", "１", "1e2", "-", "+1", "9" * 19)
        ),
        *(({"limit": text}, "limit: value is not from 1 to 168") for text in ("0", "169", "-1")),
        *(({"interval": text}, "interval: value is not one of 1h, 1d") for text in ("1m", "", "1H")),
    ],
)
@pytest.mark.parametrize("path", ["/usage", "/account/usage"])
async def test_what_does_not_fit_is_named(
    desk: Desk, path: str, query: dict[str, object], message: str
) -> None:
    answer = await desk.ask(path, **query)
    assert answer.status_code == 422
    assert answer.json() == {"error": {"code": 422, "message": message, "reason": "invalid_request"}}


async def test_a_key_is_needed_before_anything_is_read(desk: Desk) -> None:
    desk.text = ""
    assert (await desk.ask(limit="x")).status_code == 401


async def test_a_store_that_does_not_answer_is_no_fault_of_the_client(desk: Desk, tmp_path: Path) -> None:
    desk.store.close()
    (tmp_path / "access.db").write_bytes(b"no database")
    answer = await desk.ask()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["error"]["reason"] == "access_unavailable"
    assert str(tmp_path) not in answer.text
