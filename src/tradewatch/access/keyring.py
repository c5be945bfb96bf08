"""The key ring: all keys in memory, asked at each handshake."""

import hmac
from collections.abc import Collection, Iterable
from typing import NamedTuple

from tradewatch.access.key import Key, digest_of, key_id_in
from tradewatch.protocol.refusal import RefusalReason

_NO_DIGEST = bytes(32)


class Replaced(NamedTuple):
    """What a new state of the store changed, by the ids of keys.

    Attributes:
        gone: were good before and no longer are: revoked, or gone.
        changed: are good still, with other attributes: another plan.
    """

    gone: set[str]
    changed: set[str]


class KeyRing:
    """The keys that a server knows: those of the store, and those that live in memory only.

    As large as the store, which holds at most `access.store.MAX_KEYS`.
    """

    def __init__(self) -> None:
        self._stored: dict[str, Key] = {}
        self._memory: dict[str, Key] = {}

    def check(self, text: str | None) -> Key | RefusalReason:
        """The key of this text, or why there is none.

        Only who holds the secret learns that a key was revoked. A text that has no key takes as long as one
        that has, and digests are compared in constant time.

        Args:
            text: what a client sent as its key; None or empty where it sent nothing.

        Returns:
            The key, or `KEY_MISSING`, `KEY_UNKNOWN` (malformed ones too) or `KEY_REVOKED`.
        """
        if not text:
            return RefusalReason.KEY_MISSING
        key_id = key_id_in(text)
        if key_id is None:
            return RefusalReason.KEY_UNKNOWN
        key = self._memory.get(key_id) or self._stored.get(key_id)
        matches = hmac.compare_digest(digest_of(text), key.digest if key else _NO_DIGEST)
        if key is None or not matches:
            return RefusalReason.KEY_UNKNOWN
        return key if key.revoked_ns is None else RefusalReason.KEY_REVOKED

    def get(self, key_id: str) -> Key | None:
        """The key of this id, as long as it is good."""
        key = self._memory.get(key_id) or self._stored.get(key_id)
        return key if key is not None and key.revoked_ns is None else None

    def replace(self, keys: Iterable[Key]) -> Replaced:
        """Take what the store holds now in place of what it held; keys in memory stay."""
        before = _usable(self._stored.values())
        self._stored = {key.id: key for key in keys}
        after = _usable(self._stored.values())
        return Replaced(
            gone=before.keys() - after.keys(),
            changed={key_id for key_id, key in before.items() if key_id in after and after[key_id] != key},
        )

    @property
    def stored(self) -> Collection[Key]:
        """The keys of the store, the oldest first, revoked ones included."""
        return self._stored.values()

    def add_memory_key(self, key: Key) -> None:
        """Take in a key that no store knows (the demo key); it stays until the process ends."""
        self._memory[key.id] = key


def _usable(keys: Iterable[Key]) -> dict[str, Key]:
    """Those that are not revoked, by id."""
    return {key.id: key for key in keys if key.revoked_ns is None}
