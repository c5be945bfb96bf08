"""Request bodies, read within a limit."""

from typing import Any, TypeVar

import msgspec
from fastapi import Request
from starlette.requests import ClientDisconnect

from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.protocol.schema import schemas_of
from tradewatch.server.rest.errors import RefusedError

#: Nobody is left to read it, and it is no fault of the server that its log should show.
_CUT_SHORT = Refusal(400, RefusalReason.BAD_REQUEST, "the body did not come whole")

_Body = TypeVar("_Body", bound=msgspec.Struct)


async def read_body(request: Request, limit_bytes: int, *, what: str) -> bytes:
    """The body, as long as it is within the limit; what is said to be larger is not read at all.

    Args:
        request: whose body.
        limit_bytes: how large it may be.
        what: what it is, in a word, for the refusal.

    Raises:
        RefusedError: it is larger, or did not come whole.
    """
    chunks: list[bytes] = []
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isdecimal() else 0
    if size <= limit_bytes:
        size = 0
        try:
            async for chunk in request.stream():
                chunks.append(chunk)
                size += len(chunk)
                if size > limit_bytes:
                    break
        except ClientDisconnect:
            raise RefusedError(_CUT_SHORT) from None
    if size > limit_bytes:
        text = f"the {what} is larger than {limit_bytes:,} bytes; split it"
        raise RefusedError(Refusal(413, RefusalReason.BODY_TOO_LARGE, text))
    return b"".join(chunks)


def decode_body(body: bytes, kind: type[_Body]) -> _Body:
    """The JSON of a body; an empty one is an object without fields.

    Raises:
        RefusedError: 422: it is no JSON, or not this object's fields.
    """
    try:
        return msgspec.json.decode(body if body.strip() else b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(Refusal(422, RefusalReason.INVALID_REQUEST, str(error))) from error


def schema_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of a body, for `/openapi.json`: in one piece, without references."""
    schemas = schemas_of([kind], reference="{name}")

    def whole(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return whole(schemas[part["$ref"]])
            return {name: whole(value) for name, value in part.items()}
        return [whole(value) for value in part] if isinstance(part, list) else part

    return dict(whole(schemas[kind.__name__]))
