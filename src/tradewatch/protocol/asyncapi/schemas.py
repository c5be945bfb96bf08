"""The schemas of all messages of the stream, by name.

What is a struct in the code is made from it. Quotes, and what v1 says, are written without structs; their
schemas stand here, and tests hold them against what servers send.
"""

from typing import Any

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import SYMBOL_PATTERN
from tradewatch.model.record import Flags
from tradewatch.protocol import messages
from tradewatch.protocol.codes import ErrorCode, PublishCode
from tradewatch.protocol.publish import Batch, PublishedQuote
from tradewatch.protocol.schema import REFERENCE, schemas_of
from tradewatch.protocol.v2 import events, requests

#: The events of v2 besides quotes, in the order in which a client meets them.
V2_EVENTS = (
    events.Welcome,
    events.Subscribed,
    events.Unsubscribed,
    events.Status,
    events.Pong,
    events.Error,
    events.Lag,
    events.Heartbeat,
    events.LimitsChanged,
    events.Drain,
)


def ref(name: str) -> dict[str, str]:
    """A reference to a schema of the document."""
    return {"$ref": REFERENCE.format(name=name)}


def payload_schemas() -> dict[str, Any]:
    """All of them."""
    schemas = {
        **schemas_of([messages.Subscribe, messages.Unsubscribe, messages.Ping, Batch, PublishedQuote]),
        **schemas_of([requests.SubscribeRequest, requests.UnsubscribeRequest]),
        **schemas_of([requests.StatusRequest, requests.PingRequest]),
        **schemas_of([AssetClass, ErrorCode, PublishCode, *V2_EVENTS]),
        **_COMMON,
        **_V1,
        **_V2,
        **_PUBLISHING,
    }
    schemas["Error"]["properties"]["code"] = ref("ErrorCode")
    schemas["Result"]["properties"]["code"] = ref("ErrorCode")
    schemas["V2Event"] = {
        "description": "One event; `event` tells which.",
        "oneOf": [ref("V2Quote"), *(ref(event.__name__) for event in V2_EVENTS)],
    }
    return schemas


def _object(description: str, required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """The schema of an object."""
    return {
        "type": "object",
        "description": description,
        "required": list(required),
        "properties": required | optional,
    }


def _event(name: str) -> dict[str, Any]:
    return {"enum": [name]}


_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
_NAMES = {"type": "array", "items": _TEXT}
_NULL = {"type": "null"}
_SIDE = {"anyOf": [ref("Decimal"), _NULL]}
_FLAGS = [flag.name.lower() for flag in Flags if flag.name and flag]

_COMMON: dict[str, Any] = {
    "Decimal": {
        "type": "string",
        "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$",
        "description": "A decimal number, exactly as its source has it; no zero ends it behind its point.",
    },
    "Timestamp": {"type": "string", "pattern": "^[0-9]+$", "description": "Unix milliseconds."},
    "TimestampNs": {"type": "string", "pattern": "^[0-9]+$", "description": "Unix nanoseconds."},
    "Symbol": {"type": "string", "pattern": f"^{SYMBOL_PATTERN}$", "description": "Within its class."},
}
_V1: dict[str, Any] = {
    "V1Status": _object(
        "All that is subscribed, in the order requested.", {"event": _event("status"), "symbols": _NAMES}
    ),
    "V1Quote": _object(
        "A quote with both sides.",
        {
            "symbol": ref("Symbol"),
            "timestamp": ref("Timestamp"),
            "ask": ref("Decimal"),
            "bid": ref("Decimal"),
            "mid": ref("Decimal"),
        },
        asset_class={"description": "Where all classes share the connection.", "anyOf": [ref("AssetClass")]},
    ),
    "V1Pong": _object("The answer to a ping.", {"event": _event("pong"), "timestamp": ref("Timestamp")}),
    "V1Error": _object(
        "Something in a message was wrong; what was right takes effect.",
        {"event": _event("error"), "code": ref("ErrorCode"), "message": _TEXT},
        symbols=_NAMES,
    ),
}
_V2: dict[str, Any] = {
    "V2Quote": _object(
        "A quote; `seq` is the previous one of its symbol, plus 1, plus `skipped`.",
        {
            "event": _event("quote"),
            "asset_class": ref("AssetClass"),
            "symbol": ref("Symbol"),
            "seq": {"type": "integer", "minimum": 1, "description": "Its number among those of its symbol."},
            "timestamp": ref("Timestamp"),
            "event_ns": ref("TimestampNs"),
            "received_ns": ref("TimestampNs"),
            "bid": _SIDE,
            "ask": _SIDE,
            "mid": _SIDE,
        },
        bid_size=ref("Decimal"),
        ask_size=ref("Decimal"),
        source={"type": "string", "description": "Who brought it."},
        flags={"type": "array", "items": {"enum": _FLAGS}, "description": "What else must be known of it."},
        skipped={"type": "integer", "minimum": 1, "description": "Quotes before it that never come."},
        snapshot={"const": True, "description": "It was there before the subscribe."},
    ),
    "V2Message": {
        "type": "array",
        "minItems": 1,
        "items": ref("V2Event"),
        "description": "What one flush has for a client; at most 256 KiB.",
    },
}
_PUBLISHING: dict[str, Any] = {
    "Credit": _object(
        "How many batches may be unanswered at a time.", {"event": _event("credit"), "batches": _COUNT}
    ),
    "Published": _object(
        "The answer to a batch: a result for each of its quotes, in their order.",
        {
            "event": _event("published"),
            "batch": _COUNT,
            "stored": {"type": "boolean", "description": "Whether a restart will know the quotes."},
            "results": {"type": "array", "items": {"anyOf": [ref("Taken"), ref("Refused")]}},
        },
    ),
    "Taken": _object(
        "A quote that is on the tape.",
        {
            "symbol": {"description": "As it was sent."},
            "position": {"type": "string", "description": "`<epoch>:<seq>`."},
        },
    ),
    "Refused": _object(
        "A quote that is not.",
        {"symbol": {"description": "As it was sent."}, "ok": {"const": False}, "code": ref("PublishCode")},
    ),
    "PublishError": _object(
        "A batch that was refused, or a message that is none.",
        {
            "event": _event("error"),
            "code": {"anyOf": [ref("PublishCode"), ref("ErrorCode")]},
            "message": _TEXT,
        },
        batch=_COUNT,
    ),
}
