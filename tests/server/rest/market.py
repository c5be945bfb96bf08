"""A market behind the REST API: instruments, their newest quotes, and a key of each plan."""

from types import SimpleNamespace
from typing import Any, cast

import httpx

from tradewatch.access.key import mint
from tradewatch.access.keyring import KeyRing
from tradewatch.access.permit import Permits
from tradewatch.access.plan import Plans
from tradewatch.access.rates import Rates
from tradewatch.clock import ManualClock
from tradewatch.fanout.delayed import Delayed
from tradewatch.fanout.hub import Hub
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.price import Price
from tradewatch.model.record import Record, side_flags
from tradewatch.protocol.cursor import Cursors
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.reference.catalogue import Catalogue
from tradewatch.reference.listing import Listing, Listings
from tradewatch.reference.roster import Roster
from tradewatch.server.rest.api import build_api
from tradewatch.server.rest.convert import convert_routes
from tradewatch.server.rest.gate import Gate
from tradewatch.server.rest.quotes import quote_routes
from tradewatch.server.rest.stock import stock_routes
from tradewatch.server.rest.symbols import symbol_routes
from tradewatch.server.stream.views import View, Views

DELAY_S = 900.0
PLANS = {
    "coins": {"asset_classes": ["crypto"]},
    "late": {"delay_s": DELAY_S},
    "stream": {"rest": False},
    "few": {"requests_per_10_s": 2},
}
NOW_MS = 1_767_389_240_000


class Market:
    """The API over a catalogue and two hubs, one of them for those who hear everything late."""

    def __init__(self, *listings: Listing) -> None:
        self.clock = ManualClock(now_ns=NOW_MS * 1_000_000)
        self.catalogue = Catalogue(limit=10_000, listings=Listings(listings))
        self.catalogue.add_listed()
        self.hub, self.late_hub = self._hub(), self._hub()
        delayed = cast("Delayed", SimpleNamespace(hub=self.late_hub, as_of=""))
        views = Views(View(self.hub, lambda: ""), delayed=lambda delay_s: delayed)
        views.open({0.0, DELAY_S})
        ring, plans = KeyRing(), Plans(PLANS)
        self.keys: dict[str, str] = {}
        for plan in plans:
            key, self.keys[plan.name] = mint(name=plan.name, plan=plan.name, now_ns=1)
            ring.add_memory_key(key)
        permits = Permits(plans, ConnectionLimits())
        gate = Gate(ring, permits=lambda: permits, rates=Rates(), clock=self.clock)
        roster = Roster(self.catalogue)
        self.api = build_api(
            [
                stock_routes(gate, self.catalogue, roster, views),
                quote_routes(gate, self.catalogue, views),
                symbol_routes(gate, roster, Cursors(b"s" * 32)),
                convert_routes(gate, self.catalogue, views, clock=self.clock),
            ]
        )

    @staticmethod
    def _hub() -> Hub:
        return Hub(call_soon=lambda flush: flush())

    def quote(
        self,
        asset_class: AssetClass,
        symbol: str,
        bid: str | None,
        ask: str | None,
        *,
        ms: int = 1_767_389_239_253,
        late: bool = False,
    ) -> None:
        """A quote has come in; `late` where those hear it who hear late."""
        sides = [None if side is None else Price.parse(side) for side in (bid, ask)]
        hub = self.late_hub if late else self.hub
        instrument = self.catalogue.add(asset_class, symbol, decimals=5)
        hub.offer(
            [
                Record(
                    instrument,
                    ms * 1_000_000 + 999,
                    0,
                    *sides,
                    seq=hub.head(instrument) + 1,
                    flags=side_flags(*sides),
                )
            ]
        )

    async def get(self, path: str, *, plan: str = "standard", **parameters: Any) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.api), base_url="http://here"
        ) as client:
            return await client.get(
                path, params=parameters or None, headers={"api-key": self.keys.get(plan, "no")}
            )


def reason(answer: httpx.Response) -> tuple[int, str]:
    """Status and stable reason of a refusal."""
    return answer.status_code, answer.json()["error"]["reason"]


def fault(answer: httpx.Response) -> tuple[list[str], str]:
    """Place and message of the one value that does not fit."""
    assert answer.status_code == 422, answer.text
    (detail,) = answer.json()["detail"]
    assert set(detail) == {"loc", "msg", "type"}
    return detail["loc"], detail["msg"]
