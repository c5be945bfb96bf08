"""`/account/keys`: keys made, listed and revoked over HTTP, by keys with the admin scope."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from tradewatch.access.grant import EVERYTHING, PublishGrant
from tradewatch.access.key import Scope, key_id_in
from tradewatch.access.keyring import KeyRing
from tradewatch.access.permit import Permit, Permits
from tradewatch.access.plan import Plan, Plans
from tradewatch.access.shown_key import ShownKey
from tradewatch.access.store import KeyStore
from tradewatch.errors import KeyStoreError
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.cursor import Cursors
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.rest.body import decode_body, read_body, schema_of
from tradewatch.server.rest.documented import (
    ERRORS,
    INVALID,
    TOO_LARGE,
    answered,
    parameter,
    refusal,
    wrong_body,
)
from tradewatch.server.rest.errors import RefusedError
from tradewatch.server.rest.gate import Gate
from tradewatch.server.rest.pages import asked_cursor, page_body, page_of, page_schema
from tradewatch.server.rest.parameters import whole_number

_BODY_BYTES = 64 << 10
_PLACE = "account/keys"
_SIZE, _MOST = 100, 1_000


class GrantRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a key may publish.

    Attributes:
        classes: the asset classes; all of them where none are named.
        symbols: patterns of symbols, `*` for any characters; all of them where none are named.
        may_create: whether it may bring symbols that the server does not know.
    """

    classes: list[AssetClass] = []
    symbols: list[str] = []
    may_create: bool = True

    @property
    def grant(self) -> PublishGrant:
        """The same as a key has it.

        Raises:
            KeyRequestError: a pattern that no symbol can match.
        """
        return PublishGrant(
            classes=frozenset(self.classes),
            symbols=tuple(pattern.upper() for pattern in self.symbols),
            may_create=self.may_create,
        )


class NewKeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be said of a new key; it can have no more than the key that asks for it.

    Attributes:
        name: what people call it; unique among the keys in use.
        plan: its plan; that of the asking key where none is named.
        scopes: what it may do besides reading.
        publish: what it may publish, where it has that scope; what the asking key may where nothing is said.
    """

    name: str
    plan: str | None = None
    scopes: list[Scope] = []
    publish: GrantRequest | None = None


class NewKey(ShownKey, frozen=True, kw_only=True):
    """A new key, and the one time that its secret is shown.

    Attributes:
        key: the text that its clients show.
    """

    key: str


_SHOWN_EXAMPLE = {
    "id": "3k9x0c71m2pq",
    "name": "feed-2",
    "plan": "standard",
    "scopes": ["publish"],
    "publish": {"classes": ["crypto"], "symbols": ["BTC*"], "may_create": False},
    "created": "2026-01-02T21:27:19Z",
    "revoked": None,
}
_NEW_EXAMPLE = {**_SHOWN_EXAMPLE, "key": "tw_3k9x0c71m2pq_" + "A" * 43}
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": schema_of(NewKeyRequest),
            "example": {
                "name": "feed-2",
                "scopes": ["publish"],
                "publish": {"classes": ["crypto"], "symbols": ["BTC*"], "may_create": False},
            },
        }
    },
}
_CREATED = {
    "description": "The key. Its secret is in `key`, this one time.",
    "content": {"application/json": {"schema": schema_of(NewKey), "example": _NEW_EXAMPLE}},
}
_SIZE_PARAMETER = parameter(
    "size",
    f"How many keys a page has: 1 to {_MOST:,}, {_SIZE} by default.",
    {"type": "integer", "minimum": 1, "maximum": _MOST, "default": _SIZE},
)
_CURSOR_PARAMETER = parameter("cursor", "Where the page begins, from another page.", {"type": "string"})
_NAME_OR_ID = parameter(
    "name_or_id", "The key's name or its id.", {"type": "string"}, place="path", example="feed-2"
)
_NO_KEY = refusal("There is no such key.", "not_found", "no key has this name or id", 404)
_CONFLICT = refusal(
    "Another key in use has this name, or the store is full.",
    "name_taken",
    "a key called 'feed-2' exists already; revoke it first or take another name",
    409,
)
_WRONG_BODY = wrong_body("The body is not what it must be.", "Object missing required field `name`")


def key_routes(
    gate: Gate,
    store: KeyStore,
    ring: KeyRing,
    *,
    permits: Callable[[], Permits],
    cursors: Cursors,
    refresh: Callable[[], Awaitable[None]],
) -> APIRouter:
    """`/account/keys`.

    Args:
        gate: knows who asks.
        store: the keys on disk.
        ring: the keys that are good now.
        permits: knows the plans there are now.
        cursors: those of the list.
        refresh: brings into force what the store holds.
    """
    routes = APIRouter(tags=["account"])

    async def in_force() -> None:
        with contextlib.suppress(KeyStoreError):  # it is written, and taken over as soon as it can be read
            await refresh()

    @routes.post(
        "/account/keys",
        status_code=201,
        summary="Make a key",
        responses={201: _CREATED, **ERRORS, 409: _CONFLICT, **TOO_LARGE, **_WRONG_BODY},
        openapi_extra={"requestBody": _BODY},
    )
    async def create(request: Request) -> Response:
        """The new key has no more rights than the key that asks; what is not said is as that key has it."""
        permit = gate.enter(request, scope=Scope.ADMIN, free=True)
        asked = decode_body(await read_body(request, _BODY_BYTES, what="request"), NewKeyRequest)
        plan, grant = _wanted(asked, permit, permits().plans)
        key, text = await asyncio.to_thread(
            store.create, asked.name, plan=plan.name, scopes=asked.scopes, grant=grant
        )
        await in_force()
        new = NewKey(**msgspec.structs.asdict(ShownKey.of(key)), key=text)
        return Response(
            msgspec.json.encode(new, order="deterministic"),
            status_code=201,
            media_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    @routes.get(
        "/account/keys",
        summary="All keys, the oldest first",
        responses=answered(page_schema(schema_of(ShownKey)), {"items": [_SHOWN_EXAMPLE], "total": 1})
        | ERRORS
        | INVALID,
        openapi_extra={"parameters": [_SIZE_PARAMETER, _CURSOR_PARAMETER]},
    )
    async def listed(request: Request) -> Response:
        """A page of the keys of this server, revoked ones included, without their secrets."""
        gate.enter(request, scope=Scope.ADMIN, free=True)
        size = whole_number(request, "size", lowest=1, highest=_MOST) or _SIZE
        cursor = asked_cursor(request, cursors, _PLACE)
        page = page_of(list(ring.stored), lambda key: (key.created_ns, key.id), cursor, size=size)
        return Response(page_body(page, ShownKey.of, cursors, _PLACE), media_type="application/json")

    @routes.get(
        "/account/keys/{name_or_id:path}",
        summary="One key",
        responses=answered(schema_of(ShownKey), _SHOWN_EXAMPLE) | ERRORS | {404: _NO_KEY},
        openapi_extra={"parameters": [_NAME_OR_ID]},
    )
    async def shown(request: Request) -> Response:
        """A key without its secret; of several that had a name, the one in use or else the newest."""
        gate.enter(request, scope=Scope.ADMIN, free=True)
        text = request.path_params["name_or_id"]
        wanted = key_id_in(text) or text
        found = [key for key in ring.stored if wanted in (key.id, key.name)]
        if not found:
            raise RefusedError(Refusal(404, RefusalReason.NOT_FOUND, "no key has this name or id"))
        key = max(found, key=lambda key: (key.revoked_ns is None, key.created_ns))
        return Response(msgspec.json.encode(ShownKey.of(key)), media_type="application/json")

    @routes.delete(
        "/account/keys/{name_or_id:path}",
        status_code=204,
        summary="Revoke a key, for good",
        responses=ERRORS | {404: _NO_KEY},
        openapi_extra={"parameters": [_NAME_OR_ID]},
    )
    async def revoke(request: Request) -> Response:
        """Its connections are closed with 4500, and its tickets end. A key may revoke itself."""
        gate.enter(request, scope=Scope.ADMIN, free=True)
        await asyncio.to_thread(store.revoke, request.path_params["name_or_id"])
        await in_force()
        return Response(status_code=204)

    return routes


def _wanted(asked: NewKeyRequest, own: Permit, plans: Plans) -> tuple[Plan, PublishGrant]:
    """Plan and grant of a key that is asked for.

    Raises:
        KeyRequestError: there is no such plan, or a pattern is none.
        RefusedError: what is asked for does not fit together, or is more than the asking key has.
    """
    plan = own.plan if asked.plan is None else plans.named(asked.plan)
    publishes = Scope.PUBLISH in asked.scopes
    if asked.publish is not None and not publishes:
        text = "`publish` says what may be published, which needs the publish scope"
        raise RefusedError(Refusal(422, RefusalReason.INVALID_REQUEST, text))
    if lacking := sorted(set(asked.scopes) - own.key.scopes):
        raise _too_much(f"the key that asks does not have the {', '.join(lacking)} scope itself")
    grant = own.key.grant if asked.publish is None else asked.publish.grant
    if publishes and not own.key.grant.covers(grant):
        raise _too_much("the key that asks may not publish as much itself")
    if beyond := plan.beyond(own.plan):
        raise _too_much(f"plan {plan.name!r} gives more than that of the key that asks: {', '.join(beyond)}")
    return plan, grant if publishes else EVERYTHING


def _too_much(message: str) -> RefusedError:
    return RefusedError(Refusal(403, RefusalReason.EXCEEDS_OWN_KEY, message))
