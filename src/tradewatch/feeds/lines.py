"""The lines of a text file, plain or gzip, in blocks, whatever is wrong with it."""

import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import BinaryIO

from tradewatch.errors import TradewatchError

#: No line of quotes is longer; what is longer is not kept in memory.
MAX_LINE_BYTES = 64 * 1024
#: A block is read, parsed and handed over in one go: a few milliseconds of work.
BLOCK_BYTES = 32 * 1024

GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31

#: Told the number of a line (or row), from 1, and what is wrong with it.
Complaint = Callable[[int, str], None]


class DamagedFileError(TradewatchError):
    """A file whose bytes stop making sense; what came before is good."""


def read_lines(path: Path, complain: Complaint) -> Generator[tuple[int, list[str]], None, None]:
    """The lines of a file, without their ends, in blocks with the number of the first line.

    A line that cannot be read (not UTF-8, too long) is complained about and stands as an empty one, so that
    numbers stay true. Where a file is damaged or cannot be read further, the lines before are given, then one
    complaint ends it; the line that the damage cut is not given, for a cut price is another price.

    Raises:
        OSError: the file cannot be opened.
    """
    number, rest = 1, b""
    with path.open("rb") as file:
        try:
            for piece in _pieces(file):
                head, newline, tail = piece.rpartition(b"\n")
                if not newline:
                    rest = (rest + piece)[: MAX_LINE_BYTES + 1]
                    continue
                lines = _decoded(rest + head, number, complain)
                yield number, lines
                number += len(lines)
                rest = tail
        except (OSError, DamagedFileError) as error:
            complain(number, f"the file ends early: {error}")
            return
    if rest:
        yield number, _decoded(rest, number, complain)


def _decoded(block: bytes, first: int, complain: Complaint) -> list[str]:
    """The lines of a block."""
    if len(block) <= MAX_LINE_BYTES:
        try:
            text = block.decode()
        except UnicodeDecodeError:
            pass  # some line of it; the slow way finds out which
        else:
            return text.replace("\r\n", "\n").removesuffix("\r").split("\n")
    return [_decoded_line(line, number, complain) for number, line in enumerate(block.split(b"\n"), first)]


def _decoded_line(line: bytes, number: int, complain: Complaint) -> str:
    """One line; empty where it cannot be read."""
    if len(line) > MAX_LINE_BYTES:
        complain(number, f"longer than {MAX_LINE_BYTES // 1024} KiB")
        return ""
    try:
        return line.decode().removesuffix("\r")
    except UnicodeDecodeError as error:
        complain(number, f"not UTF-8: byte {line[error.start]:#04x} at column {error.start + 1}")
        return ""


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """The content of a file in pieces of at most `BLOCK_BYTES`, unpacked where it is gzip."""
    first = file.read(BLOCK_BYTES)
    if first.startswith(GZIP_MAGIC):
        yield from _unpacked(file, first)
        return
    while first:
        yield first
        first = file.read(BLOCK_BYTES)


def _unpacked(file: BinaryIO, packed: bytes) -> Iterator[bytes]:
    """The content of a gzip file, all members of it; `packed` is what was read of the file already.

    Raises:
        DamagedFileError: it is corrupt or cut; everything before the damage was given.
    """
    stream = zlib.decompressobj(_GZIP_WINDOW)
    while True:
        before = stream.copy()
        try:
            piece = stream.decompress(packed, BLOCK_BYTES)
        except zlib.error as error:
            yield _salvaged(before, packed)
            raise DamagedFileError(f"corrupt gzip ({error})") from None
        if piece:
            yield piece
        if stream.eof:
            packed = _next_member(file, stream.unused_data)
            if not packed:
                return
            stream = zlib.decompressobj(_GZIP_WINDOW)
        else:
            ended = not (piece or packed)
            packed = stream.unconsumed_tail or file.read(BLOCK_BYTES)
            if ended and not packed:
                raise DamagedFileError("the gzip stream is cut")


def _next_member(file: BinaryIO, packed: bytes) -> bytes:
    """The beginning of what follows a gzip member; zeros are padding, as RFC 1952's tools write it."""
    while not (found := packed.lstrip(b"\0")):
        packed = file.read(BLOCK_BYTES)
        if not packed:
            return b""
    return found


def _salvaged(stream: "zlib._Decompress", packed: bytes) -> bytes:
    """What can be unpacked before the byte that makes no sense (zlib keeps it back when it fails)."""
    good = bytearray()
    try:
        for at in range(len(packed)):
            good += stream.decompress(packed[at : at + 1])
    except zlib.error:
        pass
    return bytes(good)
