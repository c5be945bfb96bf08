"""A finding: what a check came to."""

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Finding(msgspec.Struct, frozen=True):
    """What one check came to.

    Attributes:
        check: its stable name.
        verdict: how bad it is.
        what: what is so, in one line.
        advice: what to do about it, in one line; empty where nothing is to be done.
    """

    check: str
    verdict: Verdict
    what: str
    advice: str = ""


def ok(check: str, what: str) -> Finding:
    """It is as it should be, or cannot be known."""
    return Finding(check, Verdict.OK, what)


def warning(check: str, what: str, advice: str) -> Finding:
    """The server will run, and something may go worse than it could."""
    return Finding(check, Verdict.WARNING, what, advice)


def fault(check: str, what: str, advice: str) -> Finding:
    """The server will not start, or not do what the settings say."""
    return Finding(check, Verdict.FAULT, what, advice)


def size_text(size_bytes: int) -> str:
    """A size as people read it: `1.5 GiB`."""
    size, unit = float(size_bytes), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
