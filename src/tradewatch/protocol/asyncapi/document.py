"""The document in AsyncAPI 3.0: servers, channels, operations, messages, and why connections end."""

from collections.abc import Sequence
from typing import Any

from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.asyncapi.messages import (
    MESSAGES,
    PUBLISH_FROM_CLIENT,
    PUBLISH_FROM_SERVER,
    V1_FROM_CLIENT,
    V1_FROM_SERVER,
    V2_FROM_CLIENT,
    V2_FROM_SERVER,
    Message,
)
from tradewatch.protocol.asyncapi.schemas import payload_schemas
from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.credentials import KEY_HEADERS, KEY_PARAMETER
from tradewatch.protocol.refusal import RefusalReason

_DESCRIPTION = """\
Quotes over WebSocket. The subprotocol chooses the dialect: none or `tradewatch.v1` for an object per message,
`tradewatch.v2` for arrays of events in JSON, `tradewatch.v2.msgpack` for the same in MessagePack, in binary
messages.

Prices and times are strings. In v2 each quote has a `seq`, and between two quotes of a symbol that you get
`seq = previous + 1 + skipped` holds. Fields that you do not know are to be ignored.

Who is refused gets an HTTP answer before the upgrade: `{"error": {"code", "message", "reason"}}`.
"""
_ALL = "All five classes on one connection; symbols are written `currencies:EURUSD`."
_KEYS = {
    "key": {"type": "httpApiKey", "in": "header", "name": KEY_HEADERS[0], "description": "Your API key."},
    "key_in_query": {"type": "httpApiKey", "in": "query", "name": KEY_PARAMETER, "description": "The same."},
}
_TICKET = {
    "type": "httpApiKey",
    "in": "query",
    "name": "ticket",
    "description": "In the key's place, once: a text that `POST /account/tickets` gave.",
}


def document(*, version: str, subprotocols: Sequence[str]) -> dict[str, Any]:
    """The stream as a document.

    Args:
        version: of the server.
        subprotocols: those that it speaks.
    """
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}

    def add(name: str, address: str, said: str, asked: Sequence[Message], told: Sequence[Message]) -> None:
        channels[name] = {
            "address": address,
            "title": said,
            "messages": {each.name: {"$ref": _place("messages", each.name)} for each in (*asked, *told)},
            "bindings": {"ws": _binding(subprotocols if asked is not PUBLISH_FROM_CLIENT else ())},
        }
        keys = [*_KEYS, *(["ticket"] if asked is not PUBLISH_FROM_CLIENT else [])]
        for action, title, messages in (
            ("receive", "From the client", asked),
            ("send", "From the server", told),
        ):
            operations[f"{action}_{name}"] = {
                "action": action,
                "title": title,
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{each.name}"} for each in messages],
                "security": [{"$ref": _place("securitySchemes", key)} for key in keys],
            }

    asked, told = (*V1_FROM_CLIENT, *V2_FROM_CLIENT), (*V1_FROM_SERVER, *V2_FROM_SERVER)
    for asset_class in AssetClass:
        said = f"Quotes of {asset_class.value}; symbols are bare."
        add(asset_class.value, f"/{asset_class.value}/quotes", said, asked, told)
    add("all", "/", _ALL, asked, told)
    add("all_quotes", "/quotes", "The same as `/`.", asked, told)
    add("publish", "/publish", "Quotes from you to the server.", PUBLISH_FROM_CLIENT, PUBLISH_FROM_SERVER)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "tradewatch",
            "version": version,
            "description": _DESCRIPTION,
            "x-close-codes": [_closing(code) for code in CloseCode],
            "x-refusals": [reason.value for reason in RefusalReason],
        },
        "servers": {
            "plain": _server("ws", "As `tradewatch serve` starts."),
            "encrypted": _server("wss", "With a certificate, or behind a proxy that has one."),
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "schemas": payload_schemas(),
            "messages": {each.name: each.described() for each in MESSAGES},
            "securitySchemes": {**_KEYS, "ticket": _TICKET},
        },
    }


def _place(kind: str, name: str) -> str:
    return f"#/components/{kind}/{name}"


def _server(protocol: str, description: str) -> dict[str, Any]:
    return {
        "host": "{host}",
        "protocol": protocol,
        "description": description,
        "variables": {"host": {"default": "localhost:8000", "description": "Host and port of the server."}},
    }


def _binding(subprotocols: Sequence[str]) -> dict[str, Any]:
    """What the handshake carries."""
    names = {"type": "string", "enum": list(subprotocols)}
    headers: dict[str, Any] = {KEY_HEADERS[0]: {"type": "string"}}
    query: dict[str, Any] = {KEY_PARAMETER: {"type": "string"}}
    if subprotocols:
        headers["Sec-WebSocket-Protocol"] = names
        query["ticket"] = {"type": "string"}
    return {
        "method": "GET",
        "headers": {"type": "object", "properties": headers},
        "query": {"type": "object", "properties": query},
        "bindingVersion": "0.1.0",
    }


def _closing(code: CloseCode) -> dict[str, Any]:
    """Why a connection is closed, and whether its client should come back."""
    if code < 4_000:
        back = "as RFC 6455 has it"
    else:
        back = "with backoff and jitter" if code < 4_500 else "not before something has changed"
    return {"code": code.value, "reason": code.reason, "return": back}
