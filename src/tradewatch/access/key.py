"""API keys: what one is, how it is minted, how its text is read.

The text is `tw_<id>_<secret>`. It is returned once, by `mint`, and kept nowhere: a `Key` holds its SHA-256,
which is enough because 256 random bits cannot be guessed from it, and short enough to ask at each handshake.
"""

import hashlib
import re
import secrets
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from tradewatch.access.grant import EVERYTHING, PublishGrant
from tradewatch.errors import KeyRequestError
from tradewatch.protocol.refusal import RefusalReason

MAX_NAME_CHARS = 64
KEY_TEXT_PREFIX = "tw_"

_ID_CHARS = 12
_SECRET_BYTES = 32
_SECRET_CHARS = 43  # 62 ** 43 > 2 ** 256: letters and digits only, so that a double click selects a whole key
_ID_DIGITS = string.digits + string.ascii_lowercase
_SECRET_DIGITS = _ID_DIGITS + string.ascii_uppercase
_KEY_TEXT = re.compile(
    rf"{KEY_TEXT_PREFIX}([0-9a-z]{{{_ID_CHARS}}})_[0-9a-zA-Z]{{{_SECRET_CHARS}}}", re.ASCII
)


class Scope(StrEnum):
    """What a key may do besides reading."""

    PUBLISH = "publish"
    ADMIN = "admin"
    DRILL = "drill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One API key, without its secret.

    Attributes:
        id: 12 digits and lower-case letters; it may stand in logs.
        name: what people call it; unique among the keys that are not revoked.
        plan: the name of its plan.
        scopes: what it may do besides reading.
        grant: what it may publish, where it has the publish scope.
        created_ns: when it was minted; Unix time in nanoseconds.
        revoked_ns: since when it is no longer taken; None while it is.
        digest: the SHA-256 of its whole text.
    """

    id: str
    name: str
    plan: str
    scopes: frozenset[Scope]
    grant: PublishGrant
    created_ns: int
    revoked_ns: int | None = None
    digest: bytes = field(repr=False)

    @property
    def created_utc(self) -> str:
        """When it was minted, to the second: `2026-01-02T21:27:19Z`."""
        return _utc(self.created_ns)

    @property
    def revoked_utc(self) -> str | None:
        """Since when it is no longer taken, to the second; None while it is."""
        return None if self.revoked_ns is None else _utc(self.revoked_ns)


def mint(
    *,
    name: str,
    plan: str,
    scopes: Iterable[Scope] = (),
    grant: PublishGrant = EVERYTHING,
    now_ns: int,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[Key, str]:
    """A new key and its text, which exists nowhere else.

    Args:
        name: 1 to 64 printable characters.
        plan: the name of its plan, which the caller knows to exist.
        scopes: what it may do besides reading.
        grant: what it may publish.
        now_ns: Unix time in nanoseconds.
        random_bytes: returns so many unpredictable bytes.

    Raises:
        KeyRequestError: a name that no key may have.
    """
    key_id = _digits(random_bytes(_SECRET_BYTES), _ID_DIGITS, _ID_CHARS)
    secret = _digits(random_bytes(_SECRET_BYTES), _SECRET_DIGITS, _SECRET_CHARS)
    text = f"{KEY_TEXT_PREFIX}{key_id}_{secret}"
    key = Key(
        id=key_id,
        name=_checked_name(name),
        plan=plan,
        scopes=frozenset(scopes),
        grant=grant,
        created_ns=now_ns,
        digest=digest_of(text),
    )
    return key, text


def key_id_in(text: str) -> str | None:
    """The id that a key's text begins with; None where `text` does not have the form of one."""
    match = _KEY_TEXT.fullmatch(text)
    return match[1] if match else None


def digest_of(text: str) -> bytes:
    """What is kept of a key's text."""
    return hashlib.sha256(text.encode()).digest()


def _checked_name(name: str) -> str:
    """The name, if a key may have it."""
    if name.startswith(KEY_TEXT_PREFIX):  # most likely a pasted secret: not repeated in the message
        raise KeyRequestError(
            422,
            RefusalReason.INVALID_REQUEST,
            f"the name of a key may not begin with {KEY_TEXT_PREFIX!r}, as the keys themselves do",
        )
    if not (0 < len(name) <= MAX_NAME_CHARS and name.isprintable() and name == name.strip()):
        raise KeyRequestError(
            422,
            RefusalReason.INVALID_REQUEST,
            f"not a name for a key: {name[:MAX_NAME_CHARS]!r}"
            f" (1 to {MAX_NAME_CHARS} printable characters, no space at either end)",
        )
    return name


def _digits(random: bytes, digits: str, count: int) -> str:
    """The lowest `count` digits of a random number, written with `digits`."""
    number = int.from_bytes(random)
    text = ""
    for _ in range(count):
        number, digit = divmod(number, len(digits))
        text += digits[digit]
    return text


def _utc(time_ns: int) -> str:
    """A time in UTC, to the second, as people read it."""
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}"
