"""The service: answers requests on a Unix socket, each connection in a thread of its own.

A thread's `sendall` waits for the edge, and the edge for its client: so a slow client holds back its own
answer and nothing else, and of no answer is there more in memory than a piece.
"""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from tradewatch.errors import HistoryError
from tradewatch.history.request import (
    Format,
    Head,
    ImportRequest,
    InstrumentsRequest,
    Request,
    StatusRequest,
)
from tradewatch.store.address import reachable_path
from tradewatch.store.answers import Answer
from tradewatch.store.frames import HEADER, MAX_REQUEST_BYTES, Kind, framed, head_frame, read_request

_log = logging.getLogger("tradewatch.store")

#: Connections that are served or wait for their turn; more are told to come back.
_MAX_CONNECTIONS = 256
#: Pieces that are made at one time: of how it goes, which no reading may hold up; pages; exports; imports.
_MAX_LOOKS = 4
_MAX_PAGES = 8
_MAX_EXPORTS = 4
_MAX_IMPORTS = 1
#: How long an answer waits for its turn, and a socket for the other side.
_TURN_S = 10.0
_SOCKET_S = 60.0

_BUSY = Head(status=503, reason="history_unavailable", message="the history has too much to answer at once")
_GONE = Head(
    status=503,
    reason="history_unavailable",
    message="the history cannot be read just now; the server's log says why",
)


class Service:
    """Listens from the start on; `run` accepts until `stop`.

    Args:
        path: the socket's; one that an earlier process left is replaced.
        answer: answers a request.

    Raises:
        OSError: the socket cannot be made.
    """

    def __init__(self, path: Path, answer: Callable[[Request], Answer]) -> None:
        self._path = path
        self._answer = answer
        self._looks = threading.BoundedSemaphore(_MAX_LOOKS)
        self._pages = threading.BoundedSemaphore(_MAX_PAGES)
        self._imports = threading.BoundedSemaphore(_MAX_IMPORTS)
        self._exports = threading.BoundedSemaphore(_MAX_EXPORTS)
        self._places = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        path.unlink(missing_ok=True)
        self._listening = socket.socket(socket.AF_UNIX)
        with reachable_path(path) as name:
            self._listening.bind(name)
        path.chmod(0o600)
        self._listening.listen(_MAX_CONNECTIONS)

    def run(self) -> None:
        """Accept until `stop`."""
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            connection.settimeout(_SOCKET_S)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        """Accept no more; what is being answered goes on until the process ends."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self, connection: socket.socket) -> None:
        has_place = self._places.acquire(blocking=False)
        try:
            with connection:
                request = _received(connection)  # of whatever is unread, the other side hears as of a fault
                if has_place:
                    self._respond(connection, request)
                else:
                    connection.sendall(head_frame(_BUSY) + framed(Kind.END))
        except (OSError, msgspec.DecodeError, EOFError) as error:
            _log.debug("a connection ended: %s", error)
        finally:
            if has_place:
                self._places.release()

    def _respond(self, connection: socket.socket, request: Request) -> None:
        """Make an answer piece by piece, each in a turn of its own: while one is sent, others are made."""
        turn, begun = self._turn(request), False
        with contextlib.closing(self._answer(request)) as pieces:
            while True:
                if not turn.acquire(timeout=_TURN_S):
                    connection.sendall(framed(Kind.CUT) if begun else head_frame(_BUSY) + framed(Kind.END))
                    return
                try:
                    piece = next(pieces, None)
                except HistoryError as error:
                    _log.error("the history cannot be read: %s", error)
                    connection.sendall(framed(Kind.CUT) if begun else head_frame(_GONE) + framed(Kind.END))
                    return
                finally:
                    turn.release()
                if piece is None:
                    connection.sendall(framed(Kind.END))
                    return
                begun = True
                connection.sendall(
                    head_frame(piece) if isinstance(piece, Head) else framed(Kind.CHUNK, piece)
                )

    def _turn(self, request: Request) -> threading.BoundedSemaphore:
        """What the answer has to wait for."""
        if isinstance(request, StatusRequest | InstrumentsRequest):
            return self._looks
        if isinstance(request, ImportRequest):
            return self._imports
        return self._pages if request.format is Format.JSON else self._exports


def _received(connection: socket.socket) -> Request:
    """The request that a connection begins with.

    Raises:
        EOFError: it ended before.
        msgspec.DecodeError: it is none.
    """
    kind, length = HEADER.unpack(_exactly(connection, HEADER.size))
    if kind != Kind.REQUEST or length > MAX_REQUEST_BYTES:
        raise msgspec.DecodeError(f"a frame of kind {kind} with {length} bytes is no request")
    return read_request(_exactly(connection, length))


def _exactly(connection: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        received = connection.recv(length - len(data))
        if not received:
            raise EOFError("the connection ended within a frame")
        data += received
    return bytes(data)
