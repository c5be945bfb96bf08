"""The key store: keys on disk, beside any number of servers and command lines."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec
from sqlalchemy import Connection, Engine, Row, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from tradewatch.access.database import open_database, reading, writing
from tradewatch.access.grant import EVERYTHING, PublishGrant
from tradewatch.access.key import KEY_TEXT_PREFIX, MAX_NAME_CHARS, Key, Scope, key_id_in, mint
from tradewatch.access.schema import API_KEYS, KEY_CHANGES
from tradewatch.clock import Clock
from tradewatch.errors import KeyRequestError
from tradewatch.protocol.refusal import RefusalReason

#: The most keys of one store, revoked ones included: a server holds all of them in memory.
MAX_KEYS = 100_000


class KeyStore:
    """All keys, in a database.

    Every method opens a short transaction of its own and may be called from any thread; what it wrote is seen
    by the next transaction of any process. Each may raise KeyStoreError where the database does not answer.
    """

    def __init__(self, engine: Engine, *, clock: Clock, max_keys: int = MAX_KEYS) -> None:
        self._engine = engine
        self._clock = clock
        self._max_keys = max_keys
        self._loaded_changes: int | None = None

    @classmethod
    def open(cls, data_dir: Path, *, clock: Clock) -> Self:
        """The store in a data directory, both made where they are missing.

        Raises:
            DataDirectoryError: the directory or the file cannot be made.
            KeyStoreError: the file is no database of ours, or one of a newer version.
        """
        return cls(open_database(data_dir), clock=clock)

    def create(
        self,
        name: str,
        *,
        plan: str,
        scopes: Iterable[Scope] = (),
        grant: PublishGrant = EVERYTHING,
    ) -> tuple[Key, str]:
        """Mint a key and keep it.

        Returns:
            The key, and its text, which cannot be had again.

        Raises:
            KeyRequestError: the name is taken or no name, the store is full.
        """
        key, text = mint(name=name, plan=plan, scopes=scopes, grant=grant, now_ns=self._clock.now_ns())
        with writing(self._engine) as connection:
            _count_change(connection)
            if (connection.scalar(select(func.count()).select_from(API_KEYS)) or 0) >= self._max_keys:
                text = f"the store holds {self._max_keys:,} keys, revoked ones included, and takes no more"
                raise KeyRequestError(409, RefusalReason.TOO_MANY_KEYS, text)
            try:
                connection.execute(insert(API_KEYS), msgspec.to_builtins(key, builtin_types=(bytes,)))
            except IntegrityError as error:
                text = f"a key called {name!r} exists already; revoke it first or take another name"
                raise KeyRequestError(409, RefusalReason.NAME_TAKEN, text) from error
        return key, text

    def revoke(self, name_or_id: str) -> Key:
        """Take a key out of use, for good.

        Args:
            name_or_id: its name or its id. Its text will do as well, since that holds its id.

        Returns:
            The key as it is now.

        Raises:
            KeyRequestError: there is no such key, it is revoked already, or the text is one key's name and
                another's id.
        """
        return self._change(name_or_id, revoked_ns=self._clock.now_ns())

    def change_plan(self, name_or_id: str, plan: str) -> Key:
        """Put a key on another plan.

        Args:
            name_or_id: see `revoke`.
            plan: the name of a plan that exists.

        Returns:
            The key as it is now.

        Raises:
            KeyRequestError: see `revoke`.
        """
        return self._change(name_or_id, plan=plan)

    def _change(self, name_or_id: str, **changes: Any) -> Key:
        """Change columns of the one key that is in use and has this name or id; the key as it is then."""
        name_or_id = _without_secret(name_or_id)
        with writing(self._engine) as connection:
            _count_change(connection)
            rows = connection.execute(
                select(API_KEYS).where(or_(API_KEYS.c.id == name_or_id, API_KEYS.c.name == name_or_id))
            )
            key = _in_use(name_or_id, [_key(row) for row in rows])
            connection.execute(update(API_KEYS).where(API_KEYS.c.id == key.id).values(**changes))
        return dataclasses.replace(key, **changes)

    def load(self) -> list[Key]:
        """All keys, the oldest first, revoked ones included. `changed` counts from here."""
        with reading(self._engine) as connection:
            changes = connection.scalar(select(KEY_CHANGES.c.count))
            rows = connection.execute(select(API_KEYS).order_by(API_KEYS.c.created_ns, API_KEYS.c.id))
            keys = [_key(row) for row in rows]
        self._loaded_changes = changes
        return keys

    def changed(self) -> bool:
        """Whether anybody has created or revoked a key since `load`; reads one row."""
        with reading(self._engine) as connection:
            return connection.scalar(select(KEY_CHANGES.c.count)) != self._loaded_changes

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _count_change(connection: Connection) -> None:
    """Tell those who poll. Done first: on PostgreSQL this row is what lets one writer in at a time."""
    connection.execute(update(KEY_CHANGES).values(count=KEY_CHANGES.c.count + 1))


def _key(row: Row[*tuple[Any, ...]]) -> Key:
    """The key that a row of `API_KEYS` holds."""
    return msgspec.convert(row, Key, from_attributes=True)


def _without_secret(name_or_id: str) -> str:
    """The name or the id; of a key's text, which is a secret, only the id goes on from here."""
    if not name_or_id.startswith(KEY_TEXT_PREFIX):
        return name_or_id
    key_id = key_id_in(name_or_id)
    if key_id is None:
        text = f"what begins with {KEY_TEXT_PREFIX!r} is neither a name nor, in this form, a key"
        raise KeyRequestError(404, RefusalReason.NOT_FOUND, text)
    return key_id


def _in_use(name_or_id: str, found: Sequence[Key]) -> Key:
    """The one key that is meant among those that bear the name or the id.

    Raises:
        KeyRequestError: none is, or several may be.
    """
    if not found:
        text = f"no key has the name or id {name_or_id[:MAX_NAME_CHARS]!r}"
        raise KeyRequestError(404, RefusalReason.NOT_FOUND, text)
    usable = [key for key in found if key.revoked_ns is None]
    if not usable:
        newest = max(found, key=lambda key: key.revoked_ns or 0)
        text = f"key {newest.name!r} ({newest.id}) is revoked already, since {newest.revoked_utc}"
        raise KeyRequestError(404, RefusalReason.NOT_FOUND, text)
    if len(usable) > 1:
        listed = ", ".join(f"{key.name!r} ({key.id})" for key in usable)
        text = f"{name_or_id!r} may be any of {listed}; name another of their names or ids"
        raise KeyRequestError(422, RefusalReason.INVALID_REQUEST, text)
    return usable[0]
