"""Server processes under measurement: started on one core, asked for their CPU time and memory."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

_LISTENS = re.compile(r"listens on \w+://127\.0\.0\.1:(\d+)")
_START_S = 60.0
_STOP_S = 20.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

#: Places in `/proc/<pid>/stat` behind the name of the program (proc(5)).
_PARENT, _GROUP, _USER_TICKS, _SYSTEM_TICKS, _CHILD_USER_TICKS, _CHILD_SYSTEM_TICKS, _RESIDENT_PAGES = (
    1,
    2,
    11,
    12,
    13,
    14,
    21,
)


class Cores(NamedTuple):
    """Which core the server has, and which the load client; the same one where there is only one."""

    server: int
    load: int

    @classmethod
    def here(cls) -> "Cores":
        """The first and the last core this process may run on."""
        allowed = sorted(os.sched_getaffinity(0))
        return cls(allowed[0], allowed[-1])


def starved_s(process_id: int) -> float:
    """Seconds that the main thread of a process was ready to run and something else had its core."""
    return int(Path(f"/proc/{process_id}/schedstat").read_text().split()[1]) / 1e9


def cpu_s(process_id: int) -> float:
    """CPU seconds of one process so far, without its children."""
    fields = _stat(Path(f"/proc/{process_id}/stat"))
    return (fields[_USER_TICKS] + fields[_SYSTEM_TICKS]) / _TICKS_PER_S


class ServerProcess:
    """A server from its start to its end, with all its children, on one core.

    Attributes:
        port: where it listens.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        core: int,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            start_new_session=True,
        )
        os.sched_setaffinity(self._process.pid, {core})
        self._output: list[str] = []
        for pipe in (self._process.stdout, self._process.stderr):
            threading.Thread(target=lambda lines=pipe: self._output.extend(lines), daemon=True).start()
        self.port = self._await_port()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def id(self) -> int:
        """The process id of the one that was started."""
        return self._process.pid

    @property
    def children(self) -> list[int]:
        """The process ids of all that it started, whatever group they are of: the store is one."""
        return [process_id for process_id in self._stats() if process_id != self.id]

    def cpu_s(self) -> float:
        """CPU seconds of it and all that it started so far, ended children included."""
        stats = self._stats().values()
        return sum(sum(fields[_USER_TICKS : _CHILD_SYSTEM_TICKS + 1]) for fields in stats) / _TICKS_PER_S

    def resident_bytes(self) -> int:
        """Resident memory of it and all that it started."""
        return sum(fields[_RESIDENT_PAGES] for fields in self._stats().values()) * _PAGE_BYTES

    def counters(self) -> dict[str, float]:
        """What `/metrics` shows, without labels and without the prefix `tradewatch_`."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and line[0] != "#" and "{" not in line)
        return {name.removeprefix("tradewatch_"): float(value) for name, value in pairs}

    def stop(self) -> None:
        """End the whole group."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _await_port(self) -> int:
        deadline_s = time.monotonic() + _START_S
        while not (found := _LISTENS.search("".join(self._output))):
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                self.stop()
                sys.exit(f"bench: a server did not start: {''.join(self._output)[-2000:]}")
            time.sleep(0.02)
        return int(found[1])

    def _stats(self) -> dict[int, list[int]]:
        """The numbers of `/proc/<pid>/stat` of it and all that it started, by process id."""
        every: dict[int, list[int]] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                every[int(path.parent.name)] = _stat(path)
        own = {number for number, fields in every.items() if fields[_GROUP] == self.id}
        while more := {
            number for number, fields in every.items() if number not in own and fields[_PARENT] in own
        }:
            own |= more
        return {number: every[number] for number in own}


def _stat(path: Path) -> list[int]:
    """The numbers of a `/proc/<pid>/stat`, by their places behind the name of the program; the state is 0."""
    text = path.read_text()
    return [0, *map(int, text[text.rindex(")") + 2 :].split()[1:])]
