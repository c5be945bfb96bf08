"""Keys, plans and a gate for routes, and a client that asks the API without a socket."""

from collections.abc import Mapping

import httpx
import pytest
from fastapi import APIRouter

from tradewatch.access.grant import EVERYTHING, PublishGrant
from tradewatch.access.key import Key, Scope, mint
from tradewatch.access.keyring import KeyRing
from tradewatch.access.permit import Permits
from tradewatch.access.plan import Plans
from tradewatch.access.rates import Rates
from tradewatch.clock import ManualClock
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.server.rest.api import build_api
from tradewatch.server.rest.gate import Gate, RateHeaders

#: The plans of these tests; `small` is bound by everything a plan can bind.
PLANS: Mapping[str, Mapping[str, object]] = {
    "small": {"requests_per_10_s": 2, "requests_per_minute": 5, "requests_per_day": 7},
    "stream": {"rest": False},
    "now": {"history": False},
    "coins": {"asset_classes": ["crypto"]},
}


class House:
    """A gate, and what stands behind it. It is 21:27:19.253 UTC."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ring = KeyRing()
        self.rates = Rates()
        self.permits = Permits(Plans(PLANS), ConnectionLimits())
        self.gate = Gate(self.ring, permits=lambda: self.permits, rates=self.rates, clock=self.clock)

    def key(
        self, plan: str = "standard", *scopes: Scope, grant: PublishGrant = EVERYTHING
    ) -> tuple[Key, str]:
        """A key of a plan, and its text."""
        key, text = mint(name="one", plan=plan, scopes=scopes, grant=grant, now_ns=self.clock.now_ns())
        self.ring.add_memory_key(key)
        return key, text

    def client(self, *routers: APIRouter, key: str | None = None) -> httpx.AsyncClient:
        """A client of these routes that shows this key."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(RateHeaders(build_api(routers)), raise_app_exceptions=False),
            base_url="http://here",
            headers={} if key is None else {"api-key": key},
        )


@pytest.fixture
def house() -> House:
    return House()
