"""The edge's side of the store's socket: asks, and hands the bytes on as they come."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from tradewatch.errors import HistoryError
from tradewatch.history.request import Head, Request
from tradewatch.store.address import reachable_path, socket_path
from tradewatch.store.frames import HEADER, MAX_CHUNK_BYTES, Kind, read_head, request_frame

#: Bytes of one answer that wait in the edge.
_AHEAD_BYTES = 128 * 1024
#: Requests whose answers have not begun; more are not even asked.
_MAX_WAITING = 256
#: How long the store may take to begin an answer, or to go on with it.
_ANSWER_S = 60.0


class HistoryClient:
    """Asks the store process of a history.

    Args:
        history: `<data-dir>/history`.
        answer_s: how long the store may take to begin an answer, or to go on with it.
    """

    def __init__(self, history: Path, *, answer_s: float = _ANSWER_S) -> None:
        self._path = socket_path(history)
        self._answer_s = answer_s
        self._waiting = 0

    async def ask(self, request: Request) -> "Answer":
        """The answer, of which the head is there; to be read to its end, or closed.

        Raises:
            HistoryError: nobody answers, or too many wait for it.
        """
        if self._waiting >= _MAX_WAITING:
            raise HistoryError(f"{self._waiting} requests wait for the store process already")
        self._waiting += 1
        try:
            return await self._answered(request)
        finally:
            self._waiting -= 1

    async def _answered(self, request: Request) -> "Answer":
        try:
            with reachable_path(self._path) as name:
                reader, writer = await asyncio.open_unix_connection(name, limit=_AHEAD_BYTES)
        except OSError as error:
            raise HistoryError(f"the store process does not answer: {error.strerror or error}") from error
        answer = Answer(reader, writer, answer_s=self._answer_s)
        try:
            writer.write(request_frame(request))
            await answer.begin()
        except BaseException:
            answer.close()
            raise
        return answer


class Answer:
    """One answer on its way.

    Attributes:
        head: what it is.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answer_s: float
    ) -> None:
        self.head = Head()
        self._answer_s = answer_s
        self._reader = reader
        self._writer = writer

    async def begin(self) -> None:
        """Wait for the head.

        Raises:
            HistoryError: none comes.
        """
        kind, body = await self._frame()
        if kind != Kind.HEAD:
            raise HistoryError("the store process began its answer with something else than a head")
        self.head = read_head(body)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, piece by piece; the connection is closed behind the last.

        Raises:
            HistoryError: the answer was cut.
        """
        try:
            while True:
                kind, body = await self._frame()
                if kind == Kind.END:
                    return
                if kind != Kind.CHUNK:
                    raise HistoryError("the store process could not finish its answer")
                yield body
        finally:
            self.close()

    async def body(self) -> bytes:
        """All bytes."""
        return b"".join([chunk async for chunk in self.chunks()])

    def close(self) -> None:
        """Want no more of it."""
        self._writer.close()

    async def _frame(self) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(self._answer_s):
                kind, length = HEADER.unpack(await self._reader.readexactly(HEADER.size))
                if length > MAX_CHUNK_BYTES:
                    raise HistoryError(f"the store process sent a frame of {length:,} bytes")
                return kind, await self._reader.readexactly(length)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise HistoryError("the store process broke its answer off") from error
