"""What both notations of dialect v2 share: messages are arrays of events, and quotes have the same fields."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import msgspec

from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Flags, Kind, Record
from tradewatch.protocol.frame import Opcode, frame_header
from tradewatch.protocol.v2.portions import EVENT_BYTES, MESSAGE_BYTES, portions

#: As a plain integer: an enumeration's member takes longer to compare.
QUOTE = Kind.QUOTE.value


class V2Dialect(ABC):
    """One notation of dialect v2.

    A body is one event. What does not change from quote to quote stands ready as text: its beginning per
    instrument, what it says of its source, and of its flags.

    Args:
        source_name: the name of a source by its number; None where it has none.

    Attributes:
        name: see `Dialect`.
        opcode: what its messages are to WebSocket.
    """

    name: str
    opcode: Opcode

    def __init__(self, source_name: Callable[[int], str | None]) -> None:
        self._source_name = source_name
        self._beginnings: dict[int, tuple[str, int]] = {}
        self._sources: dict[int, str] = {0: ""}
        self._flags: dict[int, str] = {0: ""}
        self._snapshot = self.field("snapshot", value=True)
        self._replay = self.field("replay", value=True)

    @abstractmethod
    def body(self, record: Record) -> bytes:
        """A quote; empty for records of another kind."""

    @abstractmethod
    def event(self, event: msgspec.Struct) -> bytes:
        """An event as a body."""

    @abstractmethod
    def array(self, bodies: Sequence[bytes]) -> bytes:
        """One message with these events."""

    @abstractmethod
    def field(self, name: str, value: object) -> str:
        """A field behind others, in the text that bodies are put together from."""

    @abstractmethod
    def beginning(self, instrument: Instrument) -> str:
        """A quote of this instrument up to the value of its seq."""

    @abstractmethod
    def extended(self, body: bytes, fields: list[str]) -> bytes:
        """The body with more fields behind its own."""

    def drained(self, body: bytes, *, skipped: int, snapshot: bool, replay: bool = False) -> bytes:
        """The body with `skipped`, `snapshot` and `replay` behind it, where they apply."""
        fields: list[str] = []
        if skipped:
            fields.append(self.field("skipped", skipped))
        if snapshot:
            fields.append(self._snapshot)
        if replay:
            fields.append(self._replay)
        return self.extended(body, fields) if body and fields else body

    def payloads(self, bodies: Sequence[bytes]) -> list[bytes]:
        """The messages that carry these bodies, as few as may be; a body by itself fits into one."""
        if not bodies:
            return []
        whole = self.array(bodies)
        if len(whole) <= MESSAGE_BYTES:
            return [whole]
        return [self.array(bodies[part]) for part in portions(map(len, bodies), EVENT_BYTES)]

    def frames(self, bodies: Sequence[bytes]) -> bytes:
        """Finished frames with these bodies, in their order; none for no bodies."""
        return b"".join(
            [frame_header(len(payload), self.opcode) + payload for payload in self.payloads(bodies)]
        )

    def _begin(self, instrument: Instrument) -> tuple[str, int]:
        """The beginning of an instrument's quotes and the fewest decimals of their mid, kept from now on."""
        begun = self.beginning(instrument), instrument.asset_class.mid_decimals
        self._beginnings[instrument.id] = begun
        return begun

    def _one_sided(self, bid: Price | None, ask: Price | None) -> str:
        """The prices of a quote with a side missing, as fields."""
        sides = (("bid", bid), ("ask", ask), ("mid", None))
        return "".join(self.field(name, None if side is None else side.text) for name, side in sides)

    def _say_source(self, number: int) -> str:
        """The source as a field; empty, and asked again the next time, where it has no name."""
        name = self._source_name(number)
        if name is None:
            return ""
        said = self._sources[number] = self.field("source", name)
        return said

    def _say_flags(self, flags: int) -> str:
        """The flags as a field."""
        names = [flag.name.lower() for flag in Flags if flag & flags and flag.name]
        said = self._flags[flags] = self.field("flags", names) if names else ""
        return said
