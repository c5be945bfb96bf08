"""What a key with the publish scope may publish."""

import re
from fnmatch import translate
from functools import lru_cache

import msgspec

from tradewatch.errors import KeyRequestError
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.refusal import RefusalReason

#: More patterns than a publisher can mean; each is looked at for every quote that none before it matched.
MAX_PATTERNS = 1_000

# The characters of a symbol and the wildcard: nothing else that `fnmatch` would read as a sign of its own.
_PATTERN = re.compile(r"[A-Z0-9*._-]{1,32}", re.ASCII)


@lru_cache(maxsize=4_096)
def _matcher(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """All patterns as one expression, which takes hardly longer for many; it does not backtrack."""
    return re.compile("|".join(map(translate, patterns)))


class PublishGrant(msgspec.Struct, frozen=True, kw_only=True):
    """The quotes that may be published.

    Attributes:
        classes: the asset classes; empty: all of them.
        symbols: patterns in upper case in which `*` stands for any characters, also none; empty: all symbols.
        may_create: whether a symbol unknown to the catalogue becomes an instrument.

    Raises:
        KeyRequestError: a pattern that no symbol can match, or more of them than `MAX_PATTERNS`.
    """

    classes: frozenset[AssetClass] = frozenset()
    symbols: tuple[str, ...] = ()
    may_create: bool = True

    def __post_init__(self) -> None:
        if len(self.symbols) > MAX_PATTERNS:
            raise _invalid(f"{len(self.symbols):,} symbol patterns are more than {MAX_PATTERNS:,}")
        for pattern in self.symbols:
            if _PATTERN.fullmatch(pattern) is None:
                raise _invalid(
                    f"not a symbol pattern: {pattern[:40]!r}"
                    " (upper-case letters, digits, . _ - and the wildcard *, at most 32)"
                )

    def allows(self, asset_class: AssetClass, symbol: str) -> bool:
        """Whether quotes of this symbol (canonical: upper case) may be published."""
        if self.classes and asset_class not in self.classes:
            return False
        return not self.symbols or _matcher(self.symbols).fullmatch(symbol) is not None

    def covers(self, other: "PublishGrant") -> bool:
        """Whether all that the other lets publish may be published under this one."""
        if self.classes and not (other.classes and other.classes <= self.classes):
            return False
        if other.may_create and not self.may_create:
            return False
        if not self.symbols:
            return True
        # The `*` of another pattern is a letter here that nothing but a `*` matches.
        return bool(other.symbols) and all(map(_matcher(self.symbols).fullmatch, other.symbols))


def _invalid(message: str) -> KeyRequestError:
    return KeyRequestError(422, RefusalReason.INVALID_REQUEST, message)


#: The grant that leaves nothing out.
EVERYTHING = PublishGrant()
