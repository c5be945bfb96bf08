"""permessage-deflate for messages that many connections share (RFC 7692)."""

import zlib
from collections.abc import Sequence

from tradewatch.protocol.frame import frame_header
from tradewatch.protocol.v2.dialect import V2Dialect

#: What zlib's raw deflate takes; 8, which the RFC has besides, it does not.
WINDOW_BITS = range(9, 16)
_SYNC_TAIL_BYTES = 4


class Deflated:
    """A dialect whose messages are compressed, each once and by itself (no context takeover).

    Args:
        inner: what is compressed.
        window_bits: the base-2 logarithm of the window that the clients agreed to.

    Raises:
        ValueError: no such window.
    """

    def __init__(self, inner: V2Dialect, window_bits: int) -> None:
        if window_bits not in WINDOW_BITS:
            raise ValueError(f"a window of {window_bits} bits cannot be deflated; 9 to 15 can")
        self._inner = inner
        self._window_bits = window_bits
        self.name = f"{inner.name}.deflate{window_bits}"
        self.body = inner.body
        self.drained = inner.drained
        self.event = inner.event

    def frames(self, bodies: Sequence[bytes]) -> bytes:
        """Finished frames with these bodies, in their order; none for no bodies."""
        frames: list[bytes] = []
        for payload in self._inner.payloads(bodies):
            deflated = self._deflated(payload)
            frames += frame_header(len(deflated), self._inner.opcode, compressed=True), deflated
        return b"".join(frames)

    def _deflated(self, payload: bytes) -> bytes:
        """The payload without the tail that every message would end with (RFC 7692, section 7.2.1)."""
        compressor = zlib.compressobj(wbits=-self._window_bits)
        return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-_SYNC_TAIL_BYTES]
