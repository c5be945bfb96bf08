"""What the store process says of itself, asked over its own socket: the server has nothing to do with it."""

import socket
import statistics
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from tradewatch.history.request import StatusRequest
from tradewatch.store.address import reachable_path, socket_path
from tradewatch.store.frames import HEADER, Kind, request_frame

_PATIENCE_S = 60.0


def store_status(history: Path) -> dict[str, Any]:
    """Its status, as `/history/status` shows it.

    Args:
        history: `<data-dir>/history`.

    Raises:
        OSError: it does not answer.
    """
    body = b""
    with socket.socket(socket.AF_UNIX) as connection, reachable_path(socket_path(history)) as name:
        connection.settimeout(_PATIENCE_S)
        connection.connect(name)
        connection.sendall(request_frame(StatusRequest()))
        with connection.makefile("rb") as answer:
            while True:
                kind, length = HEADER.unpack(answer.read(HEADER.size))
                data = answer.read(length)
                if kind == Kind.CHUNK:
                    body += data
                elif kind == Kind.END:
                    status: dict[str, Any] = msgspec.json.decode(body)
                    return status


def await_store(history: Path) -> None:
    """Wait until it answers.

    Raises:
        TimeoutError: it never does.
    """
    deadline_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline_s:
        try:
            store_status(history)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"the store process of {history} does not answer")


class Lateness:
    """Asks again and again how far the recording is behind, for as long as the context lasts.

    Args:
        history: `<data-dir>/history`.
        every_s: between two questions, each of which costs the store some milliseconds.
    """

    def __init__(self, history: Path, *, every_s: float = 0.1) -> None:
        self._history = history
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._behind_ms: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def p50_ms(self) -> float:
        """The median of all answers."""
        return statistics.median(self._behind_ms)

    @property
    def p99_ms(self) -> float:
        """What one answer of a hundred exceeds."""
        ordered = sorted(self._behind_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]

    def _ask(self) -> None:
        while not self._ended.wait(self._every_s):
            self._behind_ms.append(store_status(self._history)["behind_ms"])
