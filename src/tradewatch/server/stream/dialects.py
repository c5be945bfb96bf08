"""The dialects of one server: one object each, so that all their clients share what is encoded."""

from collections.abc import Callable

from tradewatch.protocol.deflate import Deflated
from tradewatch.protocol.dialect import Dialect
from tradewatch.protocol.v1 import V1
from tradewatch.protocol.v2.json import V2Json
from tradewatch.protocol.v2.msgpack import V2Msgpack


class Dialects:
    """What clients may speak.

    Args:
        source_name: the name of a source by its number; None where it has none to tell.

    Attributes:
        v2_json: dialect v2 as text.
        v2_msgpack: dialect v2 as MessagePack.
    """

    def __init__(self, source_name: Callable[[int], str | None]) -> None:
        self._v1 = {scoped: V1(scoped=scoped) for scoped in (False, True)}
        self.v2_json = V2Json(source_name)
        self.v2_msgpack = V2Msgpack(source_name)
        self._deflated: dict[tuple[bool, int], Deflated] = {}

    def v1(self, *, scoped: bool) -> V1:
        """Dialect v1; `scoped` where all classes share the connection."""
        return self._v1[scoped]

    def v2(self, *, binary: bool, window_bits: int) -> Dialect:
        """Dialect v2 as text or as MessagePack, compressed where there is a window for it."""
        inner = self.v2_msgpack if binary else self.v2_json
        if not window_bits:
            return inner
        name = (binary, window_bits)
        if name not in self._deflated:
            self._deflated[name] = Deflated(inner, window_bits)
        return self._deflated[name]
