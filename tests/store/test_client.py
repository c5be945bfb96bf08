"""The edge's client: whatever the store does instead of answering, it is one kind of error, and in time."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tradewatch.errors import HistoryError
from tradewatch.history.request import Head, InstrumentsRequest, StatusRequest
from tradewatch.store.address import socket_path
from tradewatch.store.client import HistoryClient
from tradewatch.store.frames import HEADER, MAX_CHUNK_BYTES, Kind, framed, head_frame, read_request

Conduct = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def store(history: Path, conduct: Conduct) -> AsyncIterator[None]:
    """A store that behaves so once it has read a request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind, length = HEADER.unpack(await reader.readexactly(HEADER.size))
        assert kind == Kind.REQUEST
        assert read_request(await reader.readexactly(length)) == StatusRequest()
        await conduct(reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(serve, socket_path(history))
    async with server:
        yield


def saying(*pieces: bytes) -> Conduct:
    async def say(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(pieces))

    return say


async def test_an_answer_comes_as_it_was_sent(history: Path) -> None:
    head = Head(media_type="text/csv")
    pieces = [framed(Kind.CHUNK, piece) for piece in (b"a" * 300_000, b"", b"b")]
    client = HistoryClient(history)
    async with store(history, saying(head_frame(head), *pieces, framed(Kind.END))):
        answer = await client.ask(StatusRequest())
        assert answer.head == head
        assert [len(chunk) async for chunk in answer.chunks()] == [300_000, 0, 1]
        answer = await client.ask(StatusRequest())
        assert await answer.body() == b"a" * 300_000 + b"b"


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"\x02",),
        (head_frame(Head())[:-1],),
        (framed(Kind.END),),
        (framed(Kind.CHUNK, b"x"),),
        (struct.pack("<BI", Kind.HEAD, MAX_CHUNK_BYTES + 1),),
        (struct.pack("<BI", 77, 0),),
    ],
)
async def test_a_store_that_is_gone_before_the_head(history: Path, pieces: tuple[bytes, ...]) -> None:
    async with store(history, saying(*pieces)):
        with pytest.raises(HistoryError):
            await HistoryClient(history).ask(StatusRequest())


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (framed(Kind.CHUNK, b"x"),),
        (framed(Kind.CHUNK, b"x")[:-1],),
        (framed(Kind.CHUNK, b"x"), framed(Kind.CUT)),
        (framed(Kind.CHUNK, b"x"), head_frame(Head())),
        (struct.pack("<BI", Kind.CHUNK, MAX_CHUNK_BYTES + 1),),
    ],
)
async def test_a_store_that_is_gone_in_the_middle(history: Path, pieces: tuple[bytes, ...]) -> None:
    async with store(history, saying(head_frame(Head()), *pieces)):
        answer = await HistoryClient(history).ask(StatusRequest())
        with pytest.raises(HistoryError):
            await answer.body()


async def test_without_a_store_it_is_said_at_once(history: Path) -> None:
    with pytest.raises(HistoryError, match="No such file"):
        await HistoryClient(history).ask(StatusRequest())
    async with store(history, saying()):
        pass
    with pytest.raises(HistoryError, match="does not answer"):
        await HistoryClient(history).ask(StatusRequest())
    with pytest.raises(HistoryError, match="No such file"):
        await HistoryClient(history / ("d" * 150)).ask(StatusRequest())


@pytest.mark.parametrize("begun", [b"", head_frame(Head())])
async def test_a_store_that_hangs_is_not_waited_for_for_ever(history: Path, begun: bytes) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await reader.read()

    async with store(history, hang):
        with pytest.raises(HistoryError):
            await (await HistoryClient(history, answer_s=0.05).ask(StatusRequest())).body()


async def test_who_wants_no_more_closes_the_connection(history: Path) -> None:
    left = asyncio.Event()

    async def go_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head_frame(Head()) + framed(Kind.CHUNK, b"x" * 1_000_000))
        with contextlib.suppress(ConnectionResetError):  # it left with some of it unread
            assert await reader.read() == b""
        left.set()

    async with store(history, go_on):
        answer = await HistoryClient(history).ask(StatusRequest())
        answer.close()
        await asyncio.wait_for(left.wait(), 5)

        left.clear()
        chunks = (await HistoryClient(history).ask(StatusRequest())).chunks()
        assert len(await anext(chunks)) == 1_000_000
        await chunks.aclose()  # type: ignore[attr-defined]
        await asyncio.wait_for(left.wait(), 5)


async def test_who_gives_up_before_the_head_closes_the_connection(history: Path) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        left.set()

    async with store(history, hang):
        asking = asyncio.ensure_future(HistoryClient(history).ask(StatusRequest()))
        await asyncio.wait_for(asked.wait(), 5)
        asking.cancel()
        await asyncio.wait_for(left.wait(), 5)


async def test_no_more_requests_wait_than_may(history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewatch.store.client._MAX_WAITING", 3)
    go_on, asked = asyncio.Event(), asyncio.Semaphore(0)

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.release()
        await go_on.wait()
        writer.write(head_frame(Head()) + framed(Kind.END))

    client = HistoryClient(history)
    async with store(history, hang):
        waiting = [asyncio.ensure_future(client.ask(StatusRequest())) for _ in range(3)]
        for _ in waiting:
            await asyncio.wait_for(asked.acquire(), 5)
        with pytest.raises(HistoryError, match="3 requests wait"):
            await client.ask(InstrumentsRequest(0))
        go_on.set()
        for answer in await asyncio.gather(*waiting):
            assert await answer.body() == b""
        assert await (await client.ask(StatusRequest())).body() == b""
