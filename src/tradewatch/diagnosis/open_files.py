"""Whether the connections that are allowed have files to be had in."""

import sys

from tradewatch.diagnosis.finding import Finding, fault, ok, warning
from tradewatch.server.file_limit import FileLimit

CHECK = "open files"


def judge(limit: FileLimit) -> list[Finding]:
    """The limit of open files against `limits.max_connections`.

    Args:
        limit: as `serve` would leave it.
    """
    what = f"soft {_shown(limit.before)}, hard {_shown(limit.hard)}"
    if limit.hard < limit.needed_files:
        judged = fault if limit.max_connections * 2 < limit.wanted_connections else warning
        return [
            judged(
                CHECK,
                f"{what}; {limit.shortage}",
                f"raise the hard limit to {limit.needed_files} (LimitNOFILE= of systemd, --ulimit of a"
                f" container), or set limits.max_connections = {limit.max_connections}",
            )
        ]
    raised = f"serve raises it to {limit.now}" if limit.now > limit.before else "enough"
    return [ok(CHECK, f"{what}; {limit.needed_files} needed: {raised}")]


def _shown(files: int) -> str:
    return "unlimited" if files == sys.maxsize else str(files)
