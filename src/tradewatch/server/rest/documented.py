"""What the pages `/docs` and `/openapi.json` say alike of many routes: parameters, answers, errors."""

from typing import Any

#: The form in which FastAPI takes answers by their status.
Responses = dict[int | str, dict[str, Any]]


def refusal(description: str, reason: str, message: str, status: int) -> dict[str, Any]:
    """An error answer, with an example."""
    example = {"error": {"code": status, "message": message, "reason": reason}}
    return {
        "description": description,
        "content": {"application/json": {"schema": _REFUSAL, "example": example}},
    }


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


_REFUSAL: dict[str, Any] = {
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
}

_WRONG_VALUES: dict[str, Any] = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["loc", "msg", "type"],
                "properties": {
                    "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                    "msg": {"type": "string"},
                    "type": {"type": "string"},
                },
            },
        }
    },
}

#: What every route that needs a key can answer.
ERRORS: Responses = {
    401: refusal("The key is missing, wrong or revoked.", "key_unknown", "nobody has this API key", 401),
    403: refusal(
        "The plan of the key does not cover this.",
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
}

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
                "schema": _WRONG_VALUES,
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
