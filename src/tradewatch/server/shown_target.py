"""A request's target as it may be shown: without secrets, in one line, and not too long."""

import re
import unicodedata
from urllib.parse import unquote_plus

from tradewatch.access.key import KEY_TEXT_PREFIX
from tradewatch.one_line import one_line

_HIDDEN = "***"
_READ_CHARS = 2_048
_SHOWN_CHARS = 512
_MOST_ENCODINGS = 5

_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_DELIMITERS = re.compile(r"([/?&;#])")
#: A value is secret where its name holds one of these, however the name is spelled.
_SECRET_NAMES = ("key", "ticket", "session", "token", "secret", "password")
_API_KEY = re.compile(rf"{KEY_TEXT_PREFIX}[0-9a-z]{{12}}_", re.IGNORECASE)


def shown_target(target: str) -> str:
    """Path and query with every secret replaced by `***`.

    Secret are values of parameters whose names say so, in any case and any percent-encoding, and whatever
    looks like an API key wherever it stands. What is not secret is left as it was sent.

    Args:
        target: as it stands in the request line.
    """
    target = _ORIGIN.sub("", target[:_READ_CHARS], count=1) if not target.startswith("/") else target
    pieces = _DELIMITERS.split(target[:_READ_CHARS])
    return one_line("".join(map(_shown_piece, pieces)), most_chars=_SHOWN_CHARS)


def _shown_piece(piece: str) -> str:
    if not _is_secret(piece):
        return piece
    name, equals, _ = piece.partition("=")
    return f"{name}={_HIDDEN}" if equals and not _is_secret(name) else _HIDDEN


def _is_secret(piece: str) -> bool:
    """Whether anything in a piece is secret, its percent-encodings undone."""
    decoded = _decoded(piece)
    if decoded is None or _API_KEY.search(decoded):
        return True
    for part in _DELIMITERS.split(decoded):
        name, equals, _ = part.partition("=")
        if equals and any(secret in _letters(name) for secret in _SECRET_NAMES):
            return True
    return False


def _decoded(piece: str) -> str | None:
    """The piece without percent-encoding, also where it was encoded again; None where that does not end."""
    for _ in range(_MOST_ENCODINGS):
        decoded = unquote_plus(piece)
        if decoded == piece:
            return piece
        piece = decoded
    return None


def _letters(name: str) -> str:
    """The letters and digits of a name, one way to write each."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))
