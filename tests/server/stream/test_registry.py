"""Who is connected, with which key, and how everybody is sent away."""

import asyncio

import pytest

from tradewatch.access.key import mint
from tradewatch.access.permit import Permit, Permits
from tradewatch.access.plan import Plans
from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.server.stream.registry import Connections, Drained
from tradewatch.server.stream.usage_sweep import Spent


class StubMember:
    """A member that leaves when it is drained, unless it is stubborn."""

    def __init__(self, connections: Connections, key_id: str = "key", *, stubborn: bool = False) -> None:
        self.closed_with: list[CloseCode] = []
        self.drained_s: float | None = None
        self.aborted = False
        self.drains: list[tuple[int, int]] = []
        self.permits: list[Permit | None] = []
        self.id, self.address, self.opened_s, self.ticket = "c1", "127.0.0.1", 0.0, None
        self.spent = Spent(0, 0, 0, 0, 0)
        self.queued_bytes = 0
        self.behind_since_s: float | None = None
        self.key_id: str | None = key_id
        self._connections, self._stubborn = connections, stubborn
        connections.add(self)
        connections.admit(self, key_id)

    def check(self, now_s: float) -> None: ...

    def permit(self, permit: Permit | None) -> bool:
        self.permits.append(permit)
        return permit is not None

    def announce_drain(self, deadline_ms: int, reconnect_in_ms: int) -> None:
        self.drains.append((deadline_ms, reconnect_in_ms))

    def close(self, code: CloseCode) -> None:
        self.closed_with.append(code)

    def drain(self) -> None:
        self.drained_s = asyncio.get_running_loop().time()
        if not self._stubborn:
            self._connections.remove(self)

    def abort(self) -> None:
        self.aborted = True
        self._connections.remove(self)


def test_connections_are_found_by_their_key():
    connections = Connections(max_connections=10)
    first, second, other = (StubMember(connections, key) for key in ("a", "a", "b"))
    assert connections.of_key("a") == [first, second]
    assert connections.close_key("a", CloseCode.KEY_REVOKED) == 2
    assert (first.closed_with, second.closed_with, other.closed_with) == ([4500], [4500], [])
    connections.remove(first)
    connections.remove(second)
    assert connections.of_key("a") == []
    assert connections.close_key("a", CloseCode.KEY_REVOKED) == 0
    assert len(connections) == 1


def test_there_is_room_up_to_the_limit():
    connections = Connections(max_connections=2, retry_after_s=3)
    members = [StubMember(connections) for _ in range(2)]
    assert connections.refusal() is None
    third = StubMember(connections)
    refusal = connections.refusal()
    assert refusal is not None
    assert (refusal.status, refusal.reason, refusal.retry_after_s) == (429, "too_many_connections", 3)
    connections.remove(third)
    assert connections.refusal() is None
    assert list(connections) == members


async def test_a_drain_of_nobody_ends_at_once_and_lets_nobody_in():
    connections = Connections(max_connections=10)
    assert await connections.drain(60, retry_after_s=9) == Drained(closed=0, aborted=0)
    refusal = connections.refusal()
    assert refusal is not None
    assert (refusal.status, refusal.reason, refusal.retry_after_s) == (503, "draining", 9)


async def test_closes_are_spread_with_their_number():
    connections = Connections(max_connections=1_000)
    members = [StubMember(connections) for _ in range(200)]
    assert await connections.drain(10) == Drained(closed=200, aborted=0)
    times = [member.drained_s for member in members]
    assert times == sorted(times)
    assert times[-1] - times[0] >= 0.1
    assert len([time for time in times if time == times[0]]) <= 50


async def test_the_spread_leaves_time_before_the_deadline():
    connections = Connections(max_connections=5_000)
    members = [StubMember(connections, stubborn=True) for _ in range(4_000)]
    begin_s = asyncio.get_running_loop().time()
    assert await connections.drain(0.4) == Drained(closed=0, aborted=4_000)
    assert max(member.drained_s for member in members) - begin_s < 0.4
    assert all(member.aborted for member in members)


async def test_whoever_does_not_leave_is_cut_off_at_the_deadline():
    connections = Connections(max_connections=10)
    leaves, stays = StubMember(connections), StubMember(connections, stubborn=True)
    assert await connections.drain(0.1) == Drained(closed=1, aborted=1)
    assert (leaves.aborted, stays.aborted) == (False, True)


@pytest.mark.parametrize(("count", "step_ms"), [(4, 250), (100, 10), (4_000, 1)])
async def test_clients_are_asked_to_come_back_one_after_the_other(count: int, step_ms: int):
    connections = Connections(max_connections=count)
    members = [StubMember(connections) for _ in range(count)]
    assert await connections.drain(0.2) == Drained(closed=count, aborted=0)
    assert [member.drains for member in members] == [[(200, number * step_ms)] for number in range(count)]


async def test_everybody_knows_of_the_drain_before_anybody_is_closed():
    connections = Connections(max_connections=10)
    members = [StubMember(connections) for _ in range(3)]
    told = []
    members[0].drain = lambda: told.append([len(member.drains) for member in members])  # type: ignore[method-assign]
    await connections.drain(0.1)
    assert told == [[1, 1, 1]]


def permit_of(**plan: object) -> Permit:
    permit = Permits(Plans({"p": plan}), ConnectionLimits()).of(mint(name="n", plan="p", now_ns=0)[0])
    assert permit is not None
    return permit


@pytest.mark.parametrize(("most", "kept"), [(None, 4), (5, 4), (4, 4), (2, 2), (1, 1)])
def test_a_plan_with_fewer_connections_closes_the_newest(most: int | None, kept: int):
    connections = Connections(max_connections=10)
    members = [StubMember(connections, "a") for _ in range(4)]
    other = StubMember(connections, "b")
    permit = permit_of(connections=most)
    connections.permit_key("a", lambda member: permit)
    assert [member.permits for member in members] == [[permit]] * kept + [[None]] * (4 - kept)
    assert other.permits == []


def test_each_connection_has_a_permit_of_its_own_or_none():
    connections = Connections(max_connections=10)
    members = [StubMember(connections, "a") for _ in range(3)]
    permits = dict(zip(members, (permit_of(symbols=1), None, permit_of(symbols=3)), strict=True))
    connections.permit_key("a", permits.__getitem__)  # type: ignore[arg-type]
    assert [member.permits for member in members] == [[permit] for permit in permits.values()]


def test_a_connection_that_needed_no_key_is_no_keys():
    connections = Connections(max_connections=10)
    StubMember(connections, "")
    assert connections.keys == []
    StubMember(connections, "a")
    assert connections.keys == ["a"]


def test_the_slowest_are_those_that_have_been_behind_longest():
    connections = Connections(max_connections=10)
    members = [StubMember(connections) for _ in range(5)]
    for member, since_s in zip(members, (3.0, None, 1.0, 2.0, None), strict=True):
        member.behind_since_s, member.queued_bytes = since_s, 10
    assert connections.slowest(2) == [members[2], members[3]]
    assert connections.slowest(10) == [members[2], members[3], members[0]]
    assert connections.queued_bytes() == 30


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_a_key_that_is_revoked_closes_its_connections(start, tools, tls):
    rig = await start(tls=tls)
    mine, _ = await rig.open(tools.request(extra=["api-key: a"]))
    _, other_channel = await rig.open(tools.request(extra=["api-key: b"]))
    assert rig.gateway.connections.close_key("a", CloseCode.KEY_REVOKED) == 1
    assert await mine.close_frame() == (4500, "key_revoked")
    mine.leave()
    await tools.until(lambda: len(rig.protocols) == 1)
    assert other_channel.told == ["opened"]
    assert rig.gateway.connections.of_key("a") == []


async def test_a_full_server_says_when_to_come_back(start, tools):
    rig = await start(max_connections=1)
    client, _ = await rig.open()
    answer = await rig.ask(tools.request())
    assert (answer.status, answer.reason, answer.headers["retry-after"]) == (429, "too_many_connections", "5")
    client.leave()
    await tools.until(lambda: not rig.protocols)
    await rig.open()
