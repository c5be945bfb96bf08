"""A key as people are shown it: by the command line, and over HTTP."""

from typing import Self

import msgspec

from tradewatch.access.grant import PublishGrant
from tradewatch.access.key import Key, Scope


class ShownKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a key; its secret is not among what is known.

    Attributes:
        id: what logs call it.
        name: what people call it.
        plan: the name of its plan.
        scopes: what it may do besides reading.
        publish: what it may publish; null without the publish scope.
        created: when it was made, in UTC.
        revoked: since when it is no longer taken, in UTC; null while it is.
    """

    id: str
    name: str
    plan: str
    scopes: list[Scope]
    publish: PublishGrant | None
    created: str
    revoked: str | None

    @classmethod
    def of(cls, key: Key) -> Self:
        """A key as it is shown."""
        return cls(
            id=key.id,
            name=key.name,
            plan=key.plan,
            scopes=sorted(key.scopes),
            publish=key.grant if Scope.PUBLISH in key.scopes else None,
            created=key.created_utc,
            revoked=key.revoked_utc,
        )
