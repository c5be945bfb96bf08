"""The gate of the REST API: whose request it is, and whether it may be answered."""

from collections.abc import Callable
from functools import lru_cache

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradewatch.access.entry import enter
from tradewatch.access.key import Scope as KeyScope
from tradewatch.access.keyring import KeyRing
from tradewatch.access.permit import Permit, Permits
from tradewatch.access.plan import MAX_PLANS, Plan
from tradewatch.access.rates import Policy, Rate, Rates
from tradewatch.clock import Clock
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.rest.errors import RefusedError


class Gate:
    """Asked by every route that needs a key, before anything else.

    Args:
        ring: the keys that are good now.
        permits: gives what keys may have now.
        rates: counts requests.
        clock: the time.
    """

    def __init__(self, ring: KeyRing, *, permits: Callable[[], Permits], rates: Rates, clock: Clock) -> None:
        self._ring = ring
        self._permits = permits
        self._rates = rates
        self._clock = clock

    def enter(
        self,
        request: Request,
        asset_class: AssetClass | None = None,
        *,
        scope: KeyScope | None = None,
        history: bool = False,
        free: bool = False,
    ) -> Permit:
        """What the client of a request may have; the request is on its key's account from here on.

        Args:
            request: the request.
            asset_class: what it asks about; None where it is of no class.
            scope: what the key must hold.
            history: whether it asks for candles or ticks.
            free: whether it is answered whatever the plan has, within the rate: the account's own pages.

        Raises:
            RefusedError: 401 without a good key, 403 without the right, 429 beyond the rate.
        """
        key = enter(self._ring, request.headers, request.query_params, scope=scope)
        if isinstance(key, Refusal):
            raise RefusedError(key)
        request.state.key_id = key.id
        permit = self._permits().enter(key)
        if isinstance(permit, Refusal):
            raise RefusedError(permit)
        plan = permit.plan
        rate = request.state.rate = self._rates.take(key.id, plan, self._clock.now_ns())
        refusal = None if rate.allowed else _too_many(plan, rate)
        if not refusal and not free:
            refusal = _not_included(plan, history=history) or permit.refusal_of(asset_class)
        if refusal:
            raise RefusedError(refusal)
        return permit


def _too_many(plan: Plan, rate: Rate) -> Refusal:
    text = f"plan {plan.name!r} allows {rate.limit:,} requests in this window; come back in {rate.reset_s} s"
    return Refusal(429, RefusalReason.TOO_MANY_REQUESTS, text, rate.reset_s)


def _not_included(plan: Plan, *, history: bool) -> Refusal | None:
    if not plan.rest:
        return Refusal(403, RefusalReason.PLAN_WITHOUT_REST, f"plan {plan.name!r} has no REST API")
    if history and not plan.history:
        return Refusal(403, RefusalReason.PLAN_WITHOUT_HISTORY, f"plan {plan.name!r} has no history")
    return None


class RateHeaders:
    """An ASGI application whose answers say what is left of the rate of the key that asked.

    `RateLimit-Limit`, `-Remaining` and `-Reset` are of the window that is nearest to its end of requests;
    `RateLimit-Policy` names all that bind. A request that no rate binds has none of them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as the application does."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                rate: Rate | None = scope.get("state", {}).get("rate")
                if rate is not None and rate.policy:
                    message["headers"] = [*message.get("headers", ()), *_headers(rate)]
            await send(message)

        await self._app(scope, receive, told)


def _headers(rate: Rate) -> list[tuple[bytes, bytes]]:
    return [
        (b"ratelimit-limit", b"%d" % rate.limit),
        (b"ratelimit-remaining", b"%d" % rate.remaining),
        (b"ratelimit-reset", b"%d" % rate.reset_s),
        (b"ratelimit-policy", _policy_text(rate.policy)),
    ]


@lru_cache(maxsize=MAX_PLANS)
def _policy_text(policy: Policy) -> bytes:
    return ", ".join(f"{limit};w={span_s}" for limit, span_s in policy).encode()
