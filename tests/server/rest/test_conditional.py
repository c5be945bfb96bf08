"""ETag, If-None-Match and gzip: the same bytes are not sent twice, and streams stay streams."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from starlette.types import Message

from tradewatch.server.rest.api import build_api
from tradewatch.server.rest.conditional import Conditional

SMALL, LARGE = b'{"a":1}', b'{"items":[' + b"1," * 2_000 + b"1]}"
JSON = "application/json"


class Site:
    """An API of a few answers, behind what is tested."""

    def __init__(self) -> None:
        self.body = SMALL
        routes = APIRouter()

        @routes.get("/body")
        async def body() -> Response:
            return Response(self.body, media_type=JSON)

        @routes.post("/body")
        async def posted() -> Response:
            return Response(self.body, media_type=JSON)

        @routes.get("/own")
        async def own() -> Response:
            return Response(SMALL, headers={"ETag": '"mine"', "Cache-Control": "max-age=5"})

        @routes.get("/kept")
        async def kept() -> Response:
            return Response(SMALL, headers={"Cache-Control": "private, max-age=5", "X-Other": "1"})

        @routes.get("/missing")
        async def missing() -> Response:
            return Response(LARGE, 404, media_type=JSON)

        @routes.get("/stream/{kind}/{subkind}")
        async def stream(kind: str, subkind: str) -> Response:
            return StreamingResponse(self._pieces(), media_type=f"{kind}/{subkind}")

        self.app = Conditional(build_api([routes]))
        self.go_on = asyncio.Event()

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield b"first," * 300
        await self.go_on.wait()
        yield b"second"

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://here"
        ) as client:
            named = {"accept-encoding": "identity"}
            named |= {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, headers=named)


@pytest.fixture
def site() -> Site:
    return Site()


async def test_what_the_client_has_is_not_sent_again(site: Site) -> None:
    first = await site.get("/body")
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    assert first.headers["cache-control"] == "private, no-cache"
    for wanted in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await site.get("/body", if_none_match=wanted)
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["etag"], again.headers["cache-control"]) == (tag, "private, no-cache")
        assert "content-length" not in again.headers
        assert "content-type" not in again.headers
    site.body = b'{"a":2}'
    changed = await site.get("/body", if_none_match=tag)
    assert (changed.status_code, changed.content) == (200, site.body)
    assert changed.headers["etag"] != tag


async def test_the_tag_does_not_depend_on_the_compression(site: Site) -> None:
    site.body = LARGE
    plain, packed = await site.get("/body"), await site.get("/body", accept_encoding="gzip")
    assert plain.headers["etag"] == packed.headers["etag"]
    again = await site.get("/body", accept_encoding="gzip", if_none_match=plain.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert "content-encoding" not in again.headers


async def test_only_good_answers_to_get_in_one_piece_are_tagged(site: Site) -> None:
    site.go_on.set()
    assert "etag" not in (await site.get("/body", method="POST")).headers
    for path in ("/missing", "/nowhere", "/stream/text/csv"):
        answer = await site.get(path, if_none_match="*")
        assert answer.status_code in (200, 404)
        assert "etag" not in answer.headers
        assert answer.content
    own = await site.get("/own", if_none_match='"mine"')
    assert (own.status_code, own.headers["etag"], own.headers["cache-control"]) == (
        200,
        '"mine"',
        "max-age=5",
    )
    site.body = b"x" * (300 << 10)
    assert "etag" not in (await site.get("/body")).headers


async def test_a_304_keeps_what_caches_go_by(site: Site) -> None:
    kept = await site.get("/kept", if_none_match="*")
    assert (kept.status_code, kept.headers["cache-control"]) == (304, "private, max-age=5")
    assert "x-other" not in kept.headers


async def test_what_is_large_is_compressed_for_who_reads_it(site: Site) -> None:
    site.body = LARGE
    packed = await site.get("/body", accept_encoding="br, gzip")
    assert packed.content == LARGE
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert int(packed.headers["content-length"]) < len(LARGE) / 10
    plain = await site.get("/body")
    assert "content-encoding" not in plain.headers
    assert (plain.content, plain.headers["vary"]) == (LARGE, "Accept-Encoding")
    assert (await site.get("/missing", accept_encoding="gzip")).headers["content-encoding"] == "gzip"
    site.body = SMALL
    assert "content-encoding" not in (await site.get("/body", accept_encoding="gzip")).headers


@pytest.mark.parametrize(
    ("kind", "compressed"),
    [
        ("text/csv", True),
        ("application/json", True),
        ("text/event-stream", False),
        ("application/vnd.apache.arrow.stream", False),
        ("application/vnd.apache.parquet", False),
    ],
)
async def test_a_stream_goes_out_piece_by_piece(site: Site, kind: str, compressed: bool) -> None:
    sent: list[Message] = []
    first_piece = asyncio.Event()

    async def send(message: Message) -> None:
        sent.append(message)
        if message.get("body"):
            first_piece.set()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/stream/{kind}",
        "query_string": b"",
        "headers": [(b"accept-encoding", b"gzip")],
    }
    serving = asyncio.create_task(site.app(scope, receive, send))
    async with asyncio.timeout(5):
        await first_piece.wait()
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert ((b"content-encoding", b"gzip") in sent[0]["headers"]) == compressed
    first = sent[1]["body"]
    assert (zlib.decompressobj(31).decompress(first) if compressed else first) == b"first," * 300
    site.go_on.set()
    async with asyncio.timeout(5):
        await serving
    body = b"".join(message.get("body", b"") for message in sent)
    assert (gzip.decompress(body) if compressed else body) == b"first," * 300 + b"second"


async def test_other_protocols_pass() -> None:
    seen = []

    async def app(scope: object, receive: object, send: object) -> None:
        seen.append((scope, receive, send))

    await Conditional(app)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == [({"type": "lifespan"}, None, None)]
