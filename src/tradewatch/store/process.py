"""The store process: `python -m tradewatch.store.process`, a child of the server, told all by its stdin.

It ends when its stdin does, so that it never outlives the server, however that ended.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from tradewatch.clock import SystemClock
from tradewatch.errors import HistoryError
from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.protocol.cursor import Cursors
from tradewatch.store.address import socket_path
from tradewatch.store.answers import Answers
from tradewatch.store.recorder import Recorder
from tradewatch.store.service import Service
from tradewatch.store.terms import READY, Line, StoreSettings
from tradewatch.tape.follower import Follower

_log = logging.getLogger("tradewatch.store")

#: So much the stream goes before it, where a core is wanted by both.
_NICENESS = 10
#: How long nothing is tidied where nothing was to tidy, or could be.
_IDLE_S = 5.0
_TROUBLED_S = 10.0


class _Told(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """The record as a `Line` in JSON."""
        line = Line(record.levelno, record.name, super().format(record))
        return msgspec.json.encode(line).decode()


def main() -> int:
    """Run until stdin ends; the exit code."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # sent to all of a group or a unit: the server ends this one
        signal.signal(number, signal.SIG_IGN)
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    settings = msgspec.json.decode(line, type=StoreSettings)
    told = logging.StreamHandler(sys.stderr)
    told.setFormatter(_Told())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[told])
    os.nice(_NICENESS)
    try:
        archive = DuckHistory(
            Path(settings.history),
            memory_bytes=settings.memory_bytes,
            threads=settings.threads,
            retain_s=settings.retain_s,
        )
    except HistoryError as error:
        _log.error("%s", error)
        return 1
    _serve(settings, archive)
    archive.close()
    return 0


def _serve(settings: StoreSettings, archive: DuckHistory) -> None:
    clock = SystemClock()
    recorder = Recorder(
        archive,
        lambda offset, epoch_ms: Follower(Path(settings.tape), from_offset=offset, epoch_ms=epoch_ms),
        clock=clock,
    )
    cursors = Cursors(settings.cursor_secret)
    answers = Answers(archive, cursors, archive.scratch, recorder.status)
    service = Service(socket_path(Path(settings.history)), answers.answer)
    ended = threading.Event()
    threads = [
        threading.Thread(target=run, name=name)
        for name, run in (
            ("recorder", _until(ended, recorder.run)),
            ("service", _until(ended, service.run)),
            ("tidying", _until(ended, lambda: _tidy(archive, clock, ended))),
        )
    ]
    for thread in threads:
        thread.start()
    threading.Thread(target=_await_end, args=(ended,), daemon=True).start()
    try:
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()
    except OSError:  # the server is gone already
        ended.set()
    ended.wait()
    recorder.stop()
    service.stop()
    for thread in threads:
        thread.join()


def _until(ended: threading.Event, run: Callable[[], None]) -> Callable[[], None]:
    """A part whose fault ends the process, which the server then begins anew."""

    def part() -> None:
        try:
            run()
        except Exception:  # noqa: BLE001 - whatever it is, the server begins the process anew
            _log.exception("a part of the store failed")
        finally:
            ended.set()

    return part


def _tidy(archive: DuckHistory, clock: SystemClock, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            more = archive.tidy(now_ms=clock.now_ns() // 1_000_000)
        except HistoryError as error:
            _log.error("the history cannot be tidied: %s", error)
            ended.wait(_TROUBLED_S)
        else:
            if not more:
                ended.wait(_IDLE_S)


def _await_end(ended: threading.Event) -> None:
    sys.stdin.buffer.read()
    ended.set()


if __name__ == "__main__":
    # At once: what is to be kept is on the disk, and threads may still be answering from within DuckDB.
    os._exit(main())
