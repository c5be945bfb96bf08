"""Looks at the data directory: writes a small file there, and takes it away again."""

import fcntl
import os
import re
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from tradewatch.data_directory import DataDirectory
from tradewatch.diagnosis.disk import DiskFacts

_SYNCS = 5
_WRITTEN_BYTES = 4 << 10
_MOUNTS = Path("/proc/self/mountinfo")
#: How the list of mounts writes a blank: `\\040`.
_ESCAPE = re.compile(r"\\([0-7]{3})")
_PREFIX = ".tradewatch-doctor-"
_LOCK = "lock"  # see `DataDirectory`
_PID_CHARS = 20


def look(directory: DataDirectory) -> DiskFacts:
    """Measure the directory, or the nearest one above it; nothing is left behind."""
    path = directory.path.absolute()
    exists = False
    try:
        exists = path.exists()
        place = next(above for above in (path, *path.parents) if above.exists())
        with tempfile.NamedTemporaryFile(dir=place, prefix=_PREFIX) as file:
            sync_ms = statistics.median(_sync_ms(file.fileno()) for _ in range(_SYNCS))
            locks = _locks(Path(file.name))
        holder = _holder(path / _LOCK)
        free_bytes = shutil.disk_usage(place).free
    except OSError as error:
        return DiskFacts(str(path), exists=exists, trouble=error.strerror or str(error))
    return DiskFacts(
        str(path),
        exists=exists,
        holder=holder,
        locks=locks,
        free_bytes=free_bytes,
        tape_bytes=_size_bytes(directory.tape),
        sync_ms=sync_ms,
        filesystem=_filesystem(place),
    )


def _sync_ms(file: int) -> float:
    begun_s = time.perf_counter()
    os.pwrite(file, os.urandom(_WRITTEN_BYTES), 0)
    os.fsync(file)
    return (time.perf_counter() - begun_s) * 1_000


def _locks(file: Path) -> bool:
    """Whether a lock on the file keeps out who opens it a second time."""
    with file.open("rb") as first, file.open("rb") as second:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return not _can_lock(second.fileno())


def _holder(lock: Path) -> str:
    """The process that holds the data directory, as it signed; empty where none does."""
    try:
        file = lock.open("rb")
    except FileNotFoundError:
        return ""
    with file:
        if _can_lock(file.fileno()):
            return ""
        return file.read(_PID_CHARS).decode("ascii", "replace").strip() or "unknown"


def _can_lock(file: int) -> bool:
    """Whether nobody else has it locked; a lock that is had goes with the file."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _size_bytes(directory: Path) -> int:
    """What the files under a directory take; those that go meanwhile take nothing."""
    size_bytes = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                size_bytes += Path(folder, name).stat().st_size
            except FileNotFoundError:
                continue
    return size_bytes


def _filesystem(place: Path) -> str:
    """The type of the file system at a place, where the kernel lists its mounts."""
    try:
        lines = _MOUNTS.read_text().splitlines()
    except OSError:
        return ""
    place = place.resolve()
    depth, kind = -1, ""
    for line in lines:
        mount, _, device = line.partition(" - ")
        point = Path(_ESCAPE.sub(lambda escape: chr(int(escape[1], 8)), mount.split()[4]))
        if place.is_relative_to(point) and len(point.parts) >= depth:  # of two on one point the later is seen
            depth, kind = len(point.parts), device.split()[0]
    return kind
