"""The limit of open files: what the connections need of it, and how it is raised when the server starts."""

import logging
import resource
import sys
from typing import NamedTuple

#: Files besides those of WebSocket connections: the log, databases, REST clients, listening sockets.
RESERVED_FILES = 256

_log = logging.getLogger("tradewatch.file_limit")


class FileLimit(NamedTuple):
    """How many files the process may open, and how many connections that allows.

    Attributes:
        before: the soft limit that was found.
        now: the soft limit in force.
        hard: how far it can be raised; `sys.maxsize` where it has no end.
        wanted_connections: `limits.max_connections`.
        max_connections: as many of them as fit into `now`; one at least.
    """

    before: int
    now: int
    hard: int
    wanted_connections: int
    max_connections: int

    @property
    def needed_files(self) -> int:
        """The files that `limits.max_connections` asks for."""
        return self.wanted_connections + RESERVED_FILES

    @property
    def shortage(self) -> str:
        """What does not fit, in a line; empty where everything does."""
        if self.max_connections == self.wanted_connections:
            return ""
        return (
            f"limits.max_connections = {self.wanted_connections} needs {self.needed_files} open files,"
            f" and this process may have {self.now}: {self.max_connections} connections fit"
        )


def read_file_limit() -> tuple[int, int]:
    """The soft and the hard limit; `sys.maxsize` for one without end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _count(soft), _count(hard)


def fitted(max_connections: int, soft: int, hard: int) -> FileLimit:
    """The limit after it was raised as far as is needed and allowed; it is never lowered."""
    now = max(soft, min(max_connections + RESERVED_FILES, hard))
    return _limit(max_connections, before=soft, now=now, hard=hard)


def raise_file_limit(max_connections: int) -> FileLimit:
    """Raise the soft limit of this process toward what its connections need.

    Where that is not enough, a warning says so; the global cap on connections is then to be the returned
    `max_connections`.
    """
    soft, hard = read_file_limit()
    limit = fitted(max_connections, soft, hard)
    if limit.now > soft:
        try:
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (limit.now, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
            )
        except (ValueError, OSError) as error:  # a kernel may have a limit of its own below the hard one
            _log.warning("the limit of open files stays at %d: %s", soft, error)
            limit = _limit(max_connections, before=soft, now=soft, hard=hard)
    if limit.shortage:
        _log.warning("%s", limit.shortage)
    return limit


def _limit(max_connections: int, *, before: int, now: int, hard: int) -> FileLimit:
    fitting = max(1, min(max_connections, now - RESERVED_FILES))
    return FileLimit(before, now, hard, wanted_connections=max_connections, max_connections=fitting)


def _count(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit
