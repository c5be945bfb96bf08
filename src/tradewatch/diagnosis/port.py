"""Whether the server can listen where it is told to, and who does if it cannot."""

import errno
from typing import NamedTuple

from tradewatch.diagnosis.finding import Finding, fault, ok

PORT, SERVER = "port", "server"

_ADVICE = {
    errno.EADDRINUSE: "stop what listens there, or choose another with --port",
    errno.EACCES: "choose a port above 1023, or let the service manager grant CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "set host to an address that this machine has, or 0.0.0.0 for all of IPv4",
}


class ServerFacts(NamedTuple):
    """What answers at the port.

    Attributes:
        ours: whether it is a server of this program.
        ready: whether quotes travel through it.
        trouble: why not, in its own words.
    """

    ours: bool
    ready: bool = False
    trouble: str = ""


class PortFacts(NamedTuple):
    """What came of listening.

    Attributes:
        host: as it is set.
        port: as it is set; 0 for any.
        trouble: why nobody can listen there; empty where it can be done.
        error: the system's number of that; 0 where there is none.
        server: what answers there; None where nothing was asked, or nothing spoke HTTP.
    """

    host: str
    port: int
    trouble: str = ""
    error: int = 0
    server: ServerFacts | None = None

    @property
    def served(self) -> bool:
        """Whether a server of this program answers."""
        return self.server is not None and self.server.ours


def judge(port: PortFacts) -> list[Finding]:
    """The port, and the server that already has it."""
    if not port.trouble:
        free = "any free one" if port.port == 0 else f"{port.port} is free"
        return [ok(PORT, f"{free} on {port.host}")]
    if port.server is None or not port.server.ours:
        who = "; what answers there is no tradewatch" if port.server else ""
        advice = _ADVICE.get(port.error, "set host and port to what this machine can listen on")
        return [fault(PORT, port.trouble + who, advice)]
    return [ok(PORT, f"{port.port} on {port.host} is served by a tradewatch"), _server(port.server)]


def _server(server: ServerFacts) -> Finding:
    if server.ready:
        return ok(SERVER, "the running server is ready: quotes travel through it")
    what = f"the running server is not ready: {server.trouble or 'it does not say why'}"
    return fault(SERVER, what, "its log says more; a server that has just started is ready within seconds")
