"""Epochs and positions: the names under which the stream, the store and REST know the same record."""

import re

from tradewatch.errors import TradewatchError

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_POSITION = re.compile(r"([0-9a-z]{1,13}):(0|[1-9][0-9]{0,18})", re.ASCII)
_EPOCH_CHARS = 9


class InvalidPositionError(TradewatchError, ValueError):
    """A text that is no position; nobody was ever given it."""


def epoch_text(epoch_ms: int) -> str:
    """The name of an epoch: the Unix millisecond it began in, in base 36; sortable as text."""
    text = ""
    while epoch_ms:
        epoch_ms, digit = divmod(epoch_ms, 36)
        text = _DIGITS[digit] + text
    return text.rjust(_EPOCH_CHARS, "0")


def epoch_ms(text: str) -> int:
    """The Unix millisecond that an epoch's name stands for."""
    return int(text, 36)


def position_text(epoch: str, seq: int) -> str:
    """`<epoch>:<seq>`."""
    return f"{epoch}:{seq}"


def parse_position(text: str) -> tuple[str, int]:
    """Epoch and seq of a position.

    Raises:
        InvalidPositionError: `text` is not `<epoch>:<seq>`.
    """
    match = _POSITION.fullmatch(text)
    if match is None:
        raise InvalidPositionError(f"not a position: {text[:40]!r}")
    return match[1], int(match[2])
