"""Whether the kernel's network settings leave the server what it asks for."""

from typing import NamedTuple

from tradewatch.diagnosis.finding import Finding, ok, warning

BACKLOG, UNSENT = "listen backlog", "unsent limit"


class NetworkFacts(NamedTuple):
    """What the kernel allows.

    Attributes:
        most_backlog: `net.core.somaxconn`; None where the system has no such thing.
        unsent_limit: whether TCP_NOTSENT_LOWAT can be set.
    """

    most_backlog: int | None
    unsent_limit: bool


def judge(network: NetworkFacts, *, backlog: int) -> list[Finding]:
    """The queue of new connections, and the bytes that the kernel hides from the server.

    Args:
        network: what the kernel allows.
        backlog: the connections that may wait to be accepted, as the server asks for it.
    """
    return [_backlog(network.most_backlog, backlog), _unsent(supported=network.unsent_limit)]


def _backlog(most: int | None, backlog: int) -> Finding:
    if most is None:
        return ok(BACKLOG, f"{backlog} asked for; what the system allows is not known")
    what = f"{backlog} asked for, net.core.somaxconn allows {most}"
    if most >= backlog:
        return ok(BACKLOG, what)
    return warning(
        BACKLOG,
        f"{what}: of a burst of clients some will wait for seconds",
        f"sysctl -w net.core.somaxconn={backlog}",
    )


def _unsent(*, supported: bool) -> Finding:
    if supported:
        return ok(UNSENT, "TCP_NOTSENT_LOWAT works: a slow client is noticed early")
    return warning(
        UNSENT,
        "this system has no TCP_NOTSENT_LOWAT: slow clients are noticed late, and their quotes are older",
        "serve from Linux",
    )
