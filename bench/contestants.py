"""The servers that are compared: how each is started, and how a client reaches it."""

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from bench.compiler import compiled, compiler
from bench.load import Access
from bench.process import ServerProcess
from bench.scenario import Scenario
from bench.served import served

#: The folder that holds the package `bench`.
_ROOT = Path(__file__).parents[1]


class Contestant(Protocol):
    """A server of the comparison."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    def missing(self) -> str:
        """What it lacks on this machine, in a line; empty where it can run."""
        ...

    def serve(
        self, scenario: Scenario, *, payload_bytes: int, core: int
    ) -> contextlib.AbstractContextManager[tuple[ServerProcess, Access]]:
        """Run it, as long as the context lasts.

        Args:
            scenario: what it has to serve.
            payload_bytes: length of its quotes, for those who can choose.
            core: the only one it may use.
        """
        ...


class Tradewatch:
    """`tradewatch serve` with everything on: simulated feed, tape, log on disk, keys, canary.

    Args:
        paced: whether it keeps the scenario's cadence; its own default is one flush per turn of the loop.
    """

    name = "tradewatch"

    def __init__(self, *, paced: bool = True) -> None:
        self._paced = paced

    def missing(self) -> str:
        """Nothing."""
        return ""

    @contextlib.contextmanager
    def serve(
        self, scenario: Scenario, *, payload_bytes: int = 0, core: int
    ) -> Iterator[tuple[ServerProcess, Access]]:
        """Run it on a data directory of its own; the length of its quotes is what it is."""
        feed = f"simulated?symbols={scenario.symbols}&rate={scenario.rate}&prefix=SYM"
        environment = {"TRADEWATCH_STREAM_FLUSH_MIN_MS": str(scenario.cadence_ms if self._paced else 0)}
        with served(feed, core=core, environment=environment) as (server, key):
            yield server, Access(path="/", api_key=key)


class Limit:
    """The C server: what one core can do at all."""

    name = "C, epoll"

    def missing(self) -> str:
        """A compiler, where there is none."""
        return "" if compiler() else "no C compiler (apt-get install gcc)"

    @contextlib.contextmanager
    def serve(
        self, scenario: Scenario, *, payload_bytes: int, core: int
    ) -> Iterator[tuple[ServerProcess, Access]]:
        """Run it."""
        command = [compiled("server"), *_options(scenario, payload_bytes)]
        with ServerProcess(command, core=core) as server:
            yield server, Access()


class PythonServer:
    """A server of `bench/servers`.

    Args:
        name: what tables call it.
        module: of `bench.servers`.
        needs: the package it is made of.
    """

    def __init__(self, name: str, *, module: str, needs: str) -> None:
        self.name = name
        self._module = module
        self._needs = needs

    def missing(self) -> str:
        """The package, and how to get it."""
        if importlib.util.find_spec(self._needs):
            return ""
        return f"not installed ({Path(sys.executable).name} -m pip install {self._needs})"

    @contextlib.contextmanager
    def serve(
        self, scenario: Scenario, *, payload_bytes: int, core: int
    ) -> Iterator[tuple[ServerProcess, Access]]:
        """Run it."""
        command = [sys.executable, "-m", f"bench.servers.{self._module}", *_options(scenario, payload_bytes)]
        with ServerProcess(command, core=core, folder=_ROOT) as server:
            yield server, Access()


#: Other ways to do it in Python.
COMPETITORS: tuple[Contestant, ...] = (
    PythonServer("socketify publish", module="topics", needs="socketify"),
    PythonServer("websockets.broadcast", module="broadcast", needs="websockets"),
)


def _options(scenario: Scenario, payload_bytes: int) -> list[str]:
    """What every server but ours is told."""
    return [
        f"--symbols={scenario.symbols}",
        f"--rate={scenario.rate}",
        f"--payload-bytes={payload_bytes}",
        f"--cadence-ms={scenario.cadence_ms}",
    ]
