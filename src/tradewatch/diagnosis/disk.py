"""Whether the data directory can hold what is written to it."""

from typing import NamedTuple

from tradewatch.diagnosis.finding import Finding, fault, ok, size_text, warning
from tradewatch.settings import TapeSettings

DIRECTORY, SPACE, SYNC, FILESYSTEM = "data directory", "disk space", "disk sync", "file system"

#: Their locks and syncs are promises of another machine.
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.glusterfs"}
_FLEETING = {"tmpfs": "memory", "ramfs": "memory", "overlay": "a container's own layer"}
_ELSEWHERE = "choose a local disk with --data-dir"


class DiskFacts(NamedTuple):
    """What was seen of the data directory.

    Attributes:
        path: the data directory.
        exists: whether it does; where not, the nearest directory above it was measured.
        trouble: why nothing can be written there; empty where it can, and the following is known.
        holder: the process that holds the directory, as the lock names it; empty where none does.
        locks: whether flock keeps a second one out.
        free_bytes: what a user may still write.
        tape_bytes: what the tape already takes.
        sync_ms: the median time to bring 4 KiB to the disk.
        filesystem: its type; empty where the system does not say.
    """

    path: str
    exists: bool
    trouble: str = ""
    holder: str = ""
    locks: bool = True
    free_bytes: int = 0
    tape_bytes: int = 0
    sync_ms: float = 0.0
    filesystem: str = ""


def judge(disk: DiskFacts, tape: TapeSettings, *, served: bool) -> list[Finding]:
    """The data directory and the disk under it.

    Args:
        disk: what was seen.
        tape: what is to be kept.
        served: whether a server of ours answers where this one is to listen.
    """
    if disk.trouble:
        advice = "make it writable for this user, or choose another with --data-dir"
        return [fault(DIRECTORY, f"{disk.path} cannot be written: {disk.trouble}", advice)]
    return [
        _directory(disk, served=served),
        _space(disk, tape),
        _sync(disk, tape),
        _filesystem(disk),
    ]


def _directory(disk: DiskFacts, *, served: bool) -> Finding:
    if not disk.exists:
        return ok(DIRECTORY, f"{disk.path} does not exist; serve makes it")
    if not disk.holder:
        return ok(DIRECTORY, f"{disk.path} can be written, and no server holds it")
    what = f"{disk.path} is held by process {disk.holder}"
    if served:
        return ok(DIRECTORY, what)
    advice = "a second server here will not start: stop that one, or choose another with --data-dir"
    return warning(DIRECTORY, f"{what}, which does not answer on this port", advice)


def _space(disk: DiskFacts, tape: TapeSettings) -> Finding:
    wanted_bytes = max(tape.segment_bytes, tape.retain_bytes + tape.segment_bytes - disk.tape_bytes)
    what = f"{size_text(disk.free_bytes)} free; the tape may take {size_text(wanted_bytes)} more"
    advice = "free some, or lower tape.retain_bytes"
    if disk.free_bytes < tape.segment_bytes:
        return fault(SPACE, what, advice)
    return warning(SPACE, what, advice) if disk.free_bytes < wanted_bytes else ok(SPACE, what)


def _sync(disk: DiskFacts, tape: TapeSettings) -> Finding:
    what = f"4 KiB are on the disk after {disk.sync_ms:.2f} ms"
    if disk.sync_ms <= tape.sync_ms:
        return ok(SYNC, what)
    advice = "choose a faster disk with --data-dir, or raise tape.sync_ms"
    return warning(SYNC, f"{what}, and tape.sync_ms is {tape.sync_ms}", advice)


def _filesystem(disk: DiskFacts) -> Finding:
    kind = disk.filesystem or "its type is not known"
    if not disk.locks:
        return fault(FILESYSTEM, f"{kind}: flock does not keep a second server out", _ELSEWHERE)
    if disk.filesystem in _NETWORK:
        return warning(FILESYSTEM, f"{kind}, over a network: its syncs and locks are slow", _ELSEWHERE)
    if disk.filesystem in _FLEETING:
        what = f"{kind}: {_FLEETING[disk.filesystem]}, which nothing survives"
        return warning(FILESYSTEM, what, "choose a disk or a volume with --data-dir")
    return ok(FILESYSTEM, f"{kind}; flock works")
