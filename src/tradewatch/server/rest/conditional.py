"""Answers that a client has already, and answers made smaller: ETag, If-None-Match, gzip."""

from hashlib import blake2b

from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipResponder, IdentityResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Smaller bodies are not worth compressing: they fit into one packet anyway.
_GZIP_BYTES = 1_024
#: A third of the time of the usual level, for bodies that are a tenth larger.
_GZIP_LEVEL = 1
#: These are compressed in themselves, or are read as they come.
_NOT_COMPRESSED = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES,
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.parquet",
)
#: Hashing more would hold the loop for longer than sending it again is worth.
_TAGGED_BYTES = 256 << 10
_TAG_BYTES = 12
#: What of an answer a 304 repeats (RFC 9110, section 15.4.5).
_KEPT = (b"cache-control", b"content-location", b"date", b"expires", b"vary")


class Conditional:
    """An ASGI application that sends nothing twice, and nothing larger than it needs to be.

    Good answers to GET in one piece carry a weak ETag; a request whose `If-None-Match` names it is answered
    with 304 and no body. They are for the one client that asked, and have to be asked for again each time:
    a key that was revoked reads no cache. What is larger than a packet, or streamed, is compressed for
    clients that read gzip; what is streamed goes out piece by piece all the same.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as the application does."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        forward: Send | None = None

        async def decided(message: Message) -> None:
            nonlocal start, forward
            if forward is not None:
                await forward(message)
            elif message["type"] == "http.response.start":
                start = message  # what becomes of it depends on the body
            elif start is None:
                await send(message)
            else:
                begun, message = _conditional(scope, start, message)
                forward = send if _is_small(message) else self._compressing(scope, send)
                await forward(begun)
                await forward(message)

        await self._app(scope, receive, decided)

    def _compressing(self, scope: Scope, send: Send) -> Send:
        """What compresses an answer, where the client reads that, and says that it depends on the client."""
        reads_gzip = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
        responder = (
            GZipResponder(
                self._app, _GZIP_BYTES, compresslevel=_GZIP_LEVEL, exclude_content_types=_NOT_COMPRESSED
            )
            if reads_gzip
            else IdentityResponder(self._app, _GZIP_BYTES, exclude_content_types=_NOT_COMPRESSED)
        )
        responder.send = send
        return responder.send_with_compression


def _is_small(message: Message) -> bool:
    """Whether this is a whole body that is not worth compressing."""
    return not message.get("more_body") and len(message.get("body", b"")) < _GZIP_BYTES


def _conditional(scope: Scope, start: Message, body: Message) -> tuple[Message, Message]:
    """Head and first piece of an answer as they are to be sent."""
    if start["status"] != 200 or scope["method"] != "GET" or body.get("more_body"):
        return start, body
    data: bytes = body.get("body", b"")
    headers: list[tuple[bytes, bytes]] = start["headers"]
    if not data or len(data) > _TAGGED_BYTES or _has(headers, b"etag"):
        return start, body
    tag = b'W/"%s"' % blake2b(data, digest_size=_TAG_BYTES).hexdigest().encode()
    added = [(b"etag", tag)]
    if not _has(headers, b"cache-control"):
        added.append((b"cache-control", b"private, no-cache"))
    for name, value in scope["headers"]:
        if name == b"if-none-match" and _matches(value, tag):
            kept = [header for header in headers if header[0] in _KEPT]
            return {**start, "status": 304, "headers": kept + added}, {**body, "body": b""}
    return {**start, "headers": headers + added}, body


def _has(headers: list[tuple[bytes, bytes]], name: bytes) -> bool:
    return any(header[0] == name for header in headers)


def _matches(wanted: bytes, tag: bytes) -> bool:
    """Whether a list of tags names this one, by the weak comparison of RFC 9110, section 8.8.3.2."""
    tags = [each.strip().removeprefix(b"W/") for each in wanted.split(b",")]
    return b"*" in tags or tag.removeprefix(b"W/") in tags
