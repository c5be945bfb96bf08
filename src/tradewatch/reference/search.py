"""Finding instruments by a part of their symbol or name."""

import difflib
import unicodedata
from collections.abc import Collection, Iterable
from itertools import chain, islice
from typing import Generic, NamedTuple, Protocol, TypeVar

from tradewatch.model.asset_class import AssetClass

_ALIKE = 3
#: Twice the letters in common over all letters, as difflib reckons them.
_LIKENESS = 0.75
#: Longer texts are in no symbol and in hardly a name; comparing them letter by letter would take its time.
_MAX_COMPARED_CHARS = 32


class Named(Protocol):
    """What can be found: an instrument or a listing."""

    @property
    def asset_class(self) -> AssetClass:
        """Its class."""
        ...

    @property
    def symbol(self) -> str:
        """Its symbol, upper case."""
        ...

    @property
    def name(self) -> str:
        """What people call it; may be empty."""
        ...


Found = TypeVar("Found", bound=Named)


class _Entry(NamedTuple, Generic[Found]):
    """One that can be found; symbol and name are folded, and `text` is both."""

    found: Found
    symbol: str
    name: str
    text: str


class Search(Generic[Found]):
    """Finds instruments; a look at each of them takes well below a microsecond."""

    def __init__(self, instruments: Iterable[Found] = ()) -> None:
        self._entries: dict[AssetClass, list[_Entry[Found]]] = {asset_class: [] for asset_class in AssetClass}
        for instrument in instruments:
            self.add(instrument)

    def add(self, instrument: Found) -> None:
        """Let one more be found; among equals the earlier one comes first."""
        symbol, name = instrument.symbol.lower(), folded(instrument.name)
        self._entries[instrument.asset_class].append(_Entry(instrument, symbol, name, f"{symbol}\n{name}"))

    def find(
        self, text: str, *, classes: Collection[AssetClass] = tuple(AssetClass), limit: int | None = None
    ) -> list[Found]:
        """Those whose symbol or name has this text in it, whatever the case and the accents, best first.

        The symbol itself comes before symbols that begin with the text, these before names in which a word
        begins with it, and these before all others.

        Args:
            text: a part of a symbol or a name; an empty one finds everything.
            classes: where to look.
            limit: the most to find; None for all.
        """
        wanted = folded(text)
        exact: list[Found] = []
        begun: list[Found] = []
        words: list[Found] = []
        inside: list[Found] = []
        for asset_class in AssetClass:
            for entry in self._entries[asset_class] if asset_class in classes else ():
                if wanted not in entry.text:
                    continue
                if entry.symbol.startswith(wanted):
                    (exact if entry.symbol == wanted else begun).append(entry.found)
                else:
                    (words if _begins_a_word(wanted, entry.name) else inside).append(entry.found)
        return list(islice(chain(exact, begun, words, inside), limit))

    def alike(self, text: str, *, classes: Collection[AssetClass] = tuple(AssetClass)) -> list[Found]:
        """At most 3 whose symbol, or a word of whose name, looks like this text, the most alike first.

        This compares letter by letter and takes some tenths of a second.
        """
        wanted = folded(text)
        if len(wanted) > _MAX_COMPARED_CHARS:
            return []
        by_word: dict[str, Found] = {}
        entries = [entry for asset_class in AssetClass for entry in self._entries[asset_class]]
        for entry in entries:
            if entry.found.asset_class in classes:
                for word in (entry.symbol, *entry.name.split()):
                    by_word.setdefault(word, entry.found)
        close = difflib.get_close_matches(wanted, by_word, n=_ALIKE, cutoff=_LIKENESS)
        return list({id(by_word[word]): by_word[word] for word in close}.values())


def folded(text: str) -> str:
    """The text without what a search does not look at: case, accents, and more blanks than one."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(part for part in parts if not unicodedata.combining(part))
    return " ".join(text.lower().split())


def _begins_a_word(text: str, within: str) -> bool:
    """Whether the text stands where a word begins."""
    at = within.find(text)
    while at > 0 and within[at - 1].isalnum():
        at = within.find(text, at + 1)
    return at >= 0
