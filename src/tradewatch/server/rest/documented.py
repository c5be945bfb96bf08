"""What the pages `/docs` and `/openapi.json` say alike of many routes: parameters, answers, errors."""

from typing import Any

from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.schema import REFERENCE

#: Symbols of each class that examples name.
EXAMPLE_SYMBOLS = {
    AssetClass.CURRENCIES: ("EURUSD", "GBPUSD"),
    AssetClass.CRYPTO: ("BTCUSD", "ETHUSD"),
    AssetClass.STOCKS: ("AAPL", "MSFT"),
    AssetClass.INDICES: ("DJI", "SPX"),
    AssetClass.COMMODITIES: ("GOLD", "SILVER"),
}

#: The form in which FastAPI takes answers by their status.
Responses = dict[int | str, dict[str, Any]]


def refusal(description: str, reason: str, message: str, status: int) -> dict[str, Any]:
    """An error answer, with an example."""
    example = {"error": {"code": status, "message": message, "reason": reason}}
    return {
        "description": description,
        "content": {"application/json": {"schema": _schema("Refusal"), "example": example}},
    }


def _schema(name: str) -> dict[str, str]:
    """A reference to one of `SCHEMAS`."""
    return {"$ref": REFERENCE.format(name=name)}


def answered(schema: dict[str, Any], example: object, description: str = "The answer.") -> Responses:
    """The good answer of a route: its JSON schema and an example."""
    return {
        200: {
            "description": description,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    }


def parameter(
    name: str,
    description: str,
    schema: dict[str, Any],
    *,
    place: str = "query",
    required: bool = False,
    example: object = None,
) -> dict[str, Any]:
    """A parameter that a route reads from the request itself, in the form of OpenAPI.

    Args:
        name: as it stands in the URL.
        description: what it does; says the default and the limits.
        schema: its JSON schema.
        place: `query` or `path`.
        required: whether the request is refused without it.
        example: a value that works; None for none.
    """
    described = {
        "name": name,
        "in": place,
        "required": required or place == "path",
        "description": description,
        "schema": schema,
    }
    return described if example is None else {**described, "example": example}


def items_of(item: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of `{"items": [...]}`."""
    return {
        "type": "object",
        "required": ["items"],
        "properties": {"items": {"type": "array", "items": item}},
    }


#: What all errors look like, by the names under which `/openapi.json` has them.
SCHEMAS: dict[str, Any] = {
    "Refusal": {
        "description": "Why a request was refused.",
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "reason"],
                "properties": {
                    "code": {"type": "integer", "description": "The status of the answer."},
                    "message": {"type": "string", "description": "What is wrong, for a person."},
                    "reason": {"type": "string", "description": "The same for a program; it never changes."},
                },
            }
        },
    },
    "WrongValues": {
        "description": "Parameters that do not fit.",
        "type": "object",
        "required": ["detail"],
        "properties": {
            "detail": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["loc", "msg", "type"],
                    "properties": {
                        "loc": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "Where it stands, and its name: `query`, `size`.",
                        },
                        "msg": {"type": "string", "description": "What is wrong, and what the limit is."},
                        "type": {"type": "string", "description": "The same for a program."},
                    },
                },
            }
        },
    },
}

#: A symbol that a request names.
SYMBOL: dict[str, Any] = {"type": "string", "minLength": 1}

#: For routes that need no key, as `openapi_extra`.
KEYLESS: dict[str, Any] = {"security": []}

#: What every route that needs a key can answer.
ERRORS: Responses = {
    401: refusal(
        "The key is missing, wrong or revoked: `key_missing`, `key_unknown`, `key_revoked`.",
        "key_unknown",
        "nobody has this API key",
        401,
    ),
    403: refusal(
        "The key, or its plan, does not cover this: `scope_missing`, `plan_without_rest`,"
        " `plan_without_class`, `plan_without_history`, `plan_unknown`.",
        "plan_without_class",
        "plan 'standard' does not show crypto",
        403,
    ),
    429: refusal(
        "Too many requests; `Retry-After` says when to come back.",
        "too_many_requests",
        "plan 'standard' allows 2,000 requests in this window; come back in 7 s",
        429,
    ),
    503: refusal(
        "The server is going down (`draining`), or its store of keys and usage does not answer"
        " (`access_unavailable`); `Retry-After` says when to try again.",
        "draining",
        "the server is going down",
        503,
    ),
}

#: For routes that take a body.
TOO_LARGE: Responses = {
    413: refusal(
        "The body is too large.", "body_too_large", "the request is larger than 65,536 bytes; split it", 413
    )
}


def wrong_body(description: str, message: str) -> Responses:
    """For routes that take a body: it is not what it must be."""
    return {422: refusal(description, "invalid_request", message, 422)}


#: For routes that are asked about something that may not be there.
NOT_FOUND: Responses = {
    404: refusal("There is no such thing here.", "unknown_symbol", "no symbol 'EURUSX' in currencies", 404)
}

#: For routes with parameters.
INVALID: Responses = {
    422: {
        "description": "A parameter does not fit; `loc` names it.",
        "content": {
            "application/json": {
                "schema": _schema("WrongValues"),
                "example": {
                    "detail": [
                        {
                            "loc": ["query", "precision"],
                            "msg": "not a whole number from 0 to 36: 'x'",
                            "type": "out_of_range",
                        }
                    ]
                },
            }
        },
    }
}
