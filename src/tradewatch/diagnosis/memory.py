"""Whether the memory is there that the allowed connections take."""

from typing import NamedTuple

from tradewatch.diagnosis.finding import Finding, ok, size_text, warning

CHECK = "memory"

#: The program with its tape's window and catalogue; a connection with a few symbols of its own, without TLS.
_PROGRAM_BYTES = 256 << 20
_CONNECTION_BYTES = 12 << 10


class MemoryFacts(NamedTuple):
    """What is left.

    Attributes:
        available_bytes: what a process may still take without swapping, its control group's limit included;
            None where the system does not say.
    """

    available_bytes: int | None


def judge(memory: MemoryFacts, *, max_connections: int) -> list[Finding]:
    """What is available against what `limits.max_connections` asks for."""
    expected_bytes = _PROGRAM_BYTES + max_connections * _CONNECTION_BYTES
    expected = f"about {size_text(expected_bytes)} for {max_connections} connections"
    if memory.available_bytes is None:
        return [ok(CHECK, f"what is available is not known; {expected}")]
    what = f"{size_text(memory.available_bytes)} available; {expected}"
    if memory.available_bytes >= expected_bytes:
        return [ok(CHECK, what)]
    return [warning(CHECK, what, "give it more memory, or lower limits.max_connections")]
