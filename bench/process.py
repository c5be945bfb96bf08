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
_GROUP, _USER_TICKS, _SYSTEM_TICKS, _CHILD_USER_TICKS, _CHILD_SYSTEM_TICKS, _RESIDENT_PAGES = (
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

    def cpu_s(self) -> float:
        """CPU seconds of the whole process group so far, ended children included."""
        return (
            sum(sum(fields[_USER_TICKS : _CHILD_SYSTEM_TICKS + 1]) for fields in self._stats()) / _TICKS_PER_S
        )

    def resident_bytes(self) -> int:
        """Resident memory of the whole process group."""
        return sum(fields[_RESIDENT_PAGES] for fields in self._stats()) * _PAGE_BYTES

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

    def _stats(self) -> list[list[int]]:
        """The numbers of `/proc/<pid>/stat` of every process of the group."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                text = path.read_text()
            except OSError:  # it ended meanwhile
                continue
            fields = text[text.rindex(")") + 2 :].split()
            if int(fields[_GROUP]) == self._process.pid:
                found.append([0, *map(int, fields[1:])])
        return found
