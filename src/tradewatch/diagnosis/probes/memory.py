"""Asks the kernel what memory is left, to the machine and to this process's control group."""

import re
from pathlib import Path

from tradewatch.diagnosis.memory import MemoryFacts

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_AVAILABLE = re.compile(r"^MemAvailable: +(\d+) kB$", re.MULTILINE)
#: The files of a limit and of what is taken, in the second version of control groups and in the first.
_LIMITS = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))


def look(*, proc: Path = _PROC, cgroups: Path = _CGROUPS) -> MemoryFacts:
    """What may still be taken.

    Args:
        proc: where the kernel tells of the machine.
        cgroups: where it tells of control groups.
    """
    try:
        found = _AVAILABLE.search((proc / "meminfo").read_text())
    except OSError:
        found = None
    left_bytes = [int(found[1]) << 10] if found else []
    for group in _groups(proc, cgroups):
        left_bytes += _left_bytes(group)
    return MemoryFacts(min(left_bytes, default=None))


def _groups(proc: Path, cgroups: Path) -> list[Path]:
    """Where the limits of this process may stand; to a container its own group is the root."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    groups = [cgroups, cgroups / "memory"]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            own = cgroups / controllers / path.lstrip("/")
            groups += [own, *(above for above in own.parents if above.is_relative_to(cgroups))]
    return list(dict.fromkeys(groups))


def _left_bytes(group: Path) -> list[int]:
    """What the group may still take; nothing where it has no limit."""
    for limit, taken in _LIMITS:
        try:
            return [max(0, int((group / limit).read_text()) - int((group / taken).read_text()))]
        except (OSError, ValueError):  # no such group, or `max`
            continue
    return []
