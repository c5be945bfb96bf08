"""Connection attempts by address: a limit, and bans that grow for those who do not heed it."""

import heapq
import math
from collections import OrderedDict

from tradewatch.address import network_of
from tradewatch.protocol.window import Window

#: The first ban of a network; each further one lasts twice as long as the one before.
FIRST_BAN_S = 10.0
LONGEST_BAN_S = 3600.0
#: So long after the end of its last ban a network's bans are forgotten.
QUIET_S = 3600.0

#: Networks that are looked at, when a new one comes, for whether they can be forgotten: two, so that the
#: table shrinks while traffic goes on.
_FORGOTTEN_AT_ONCE = 2


class _Network:
    """What is remembered of one network."""

    __slots__ = ("ban_s", "banned_until_s", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self.ban_s = 0.0  # how long the last ban was
        self.banned_until_s = float("-inf")

    def has_behaved(self, now_s: float) -> bool:
        """Whether its bans no longer matter."""
        return now_s - self.banned_until_s >= QUIET_S


class Attempts:
    """The attempts of all networks: an IPv4 address each, or an IPv6 /64.

    An attempt beyond the limit of a window begins a ban. A window is fixed, not sliding, because two numbers
    then do for a network, and what a client gains where two windows meet the ban takes away again. Attempts
    during a ban are refused and do not lengthen it: a client that retries without a thought finds its way
    back, and one that goes on afterwards earns the next ban, of twice the length. Loopback is a network like
    any other.

    Everything takes the same time however many networks there are, but for the beginning of a ban. When the
    table is full, the least recently active network that is not banned makes room; where all are banned,
    the one whose ban ends first.

    Args:
        limit: attempts of one network in a window; 0: no limit.
        window_s: how long a window lasts.
        max_networks: the size of the table.

    Attributes:
        refused: attempts refused.
        bans: bans begun.
        evicted: networks forgotten early for want of room.
    """

    def __init__(self, limit: int = 1_000, *, window_s: float = 10.0, max_networks: int = 65_536) -> None:
        self._limit = limit
        self._window_s = window_s
        self._max_networks = max_networks
        self._free: OrderedDict[str, _Network] = OrderedDict()  # the least recently active first
        self._banned: dict[str, _Network] = {}
        self._ends: list[tuple[float, str]] = []  # a heap of when each ban ends
        self.refused = 0
        self.bans = 0
        self.evicted = 0

    @property
    def tracked(self) -> int:
        """Networks in the table, the banned ones among them."""
        return len(self._free) + len(self._banned)

    def banned(self, now_s: float) -> int:
        """Networks that are banned now."""
        self._end_bans(now_s)
        return len(self._banned)

    def attempt(self, address: str, now_s: float) -> int:
        """Count an attempt.

        Args:
            address: of the client, as text.
            now_s: seconds that never go back.

        Returns:
            0 where it may go on; else the whole seconds after which the ban has ended, for `Retry-After`.
        """
        if not self._limit:
            return 0
        self._end_bans(now_s)
        name = network_of(address)
        network = self._banned.get(name)
        if network is None:
            network = self._free.get(name) or self._add(name, now_s)
            self._free.move_to_end(name)
            if network.window.take(now_s):
                return 0
            self._ban(name, network, now_s)
        self.refused += 1
        return math.ceil(network.banned_until_s - now_s)

    def forgive(self, address: str) -> None:
        """Take an attempt back that was let through; a ban stands."""
        network = self._free.get(network_of(address))
        if network is not None:
            network.window.give_back()

    def _window(self) -> Window:
        return Window(self._limit, self._window_s)

    def _add(self, name: str, now_s: float) -> _Network:
        """Take a network in, which no longer or never was in the table."""
        for _ in range(_FORGOTTEN_AT_ONCE):
            oldest = next(iter(self._free), None)
            if oldest is None or not self._may_be_forgotten(self._free[oldest], now_s):
                break
            del self._free[oldest]
        if self.tracked >= self._max_networks:
            self._make_room()
        network = self._free[name] = _Network(self._window())
        return network

    def _may_be_forgotten(self, network: _Network, now_s: float) -> bool:
        return now_s >= network.window.end_s and network.has_behaved(now_s)

    def _make_room(self) -> None:
        if self._free:
            self._free.popitem(last=False)
        else:
            del self._banned[heapq.heappop(self._ends)[1]]
        self.evicted += 1

    def _ban(self, name: str, network: _Network, now_s: float) -> None:
        """Begin a ban; what was attempted before it is settled by it."""
        longer_s = FIRST_BAN_S if network.has_behaved(now_s) else 2 * network.ban_s
        network.ban_s = min(longer_s, LONGEST_BAN_S)
        network.banned_until_s = now_s + network.ban_s
        network.window = self._window()
        self._banned[name] = self._free.pop(name)
        heapq.heappush(self._ends, (network.banned_until_s, name))
        self.bans += 1

    def _end_bans(self, now_s: float) -> None:
        """Set those free whose time has come."""
        while self._ends and self._ends[0][0] <= now_s:
            _, name = heapq.heappop(self._ends)
            self._free[name] = self._banned.pop(name)
