"""The data directory: where everything that a server writes stands, and who has it."""

import fcntl
import os
from pathlib import Path

from tradewatch.errors import DataDirectoryError

_PRIVATE = 0o700
_PID_CHARS = 20


class DataDirectory:
    """One directory, held by at most one server at a time.

    The lock is an flock, which the kernel drops with its process: a file that was left behind blocks nobody.
    `keys` commands work beside it and take no lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def tape(self) -> Path:
        """Where the log's shards stand."""
        return self.path / "tape"

    @property
    def history(self) -> Path:
        """Where what is recorded stands."""
        return self.path / "history"

    def take(self) -> None:
        """Make the directory and lock it until `release` or the end of the process.

        Raises:
            DataDirectoryError: it cannot be made or written, or another server has it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirectoryError(f"data directory {self.path}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(lock, _PID_CHARS, 0).decode("ascii", "replace").strip()
            os.close(lock)
            raise DataDirectoryError(
                f"data directory {self.path} is in use by process {holder or 'unknown'}; "
                "stop it, or choose another with --data-dir"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock

    def release(self) -> None:
        """Let the next server have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
