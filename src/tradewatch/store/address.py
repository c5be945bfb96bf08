"""Where the store process is reached: a Unix socket beside its files."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

#: What a kernel takes as the path of a socket, with room to spare.
_MAX_PATH_BYTES = 100


def socket_path(history: Path) -> Path:
    """The socket of the store process of a history."""
    return history / "store.sock"


@contextlib.contextmanager
def reachable_path(path: Path) -> Iterator[str]:
    """A name of the socket that the kernel takes, however deep its directory lies.

    Raises:
        OSError: the directory does not exist, or its name is too long where there is no `/proc`.
    """
    if len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
