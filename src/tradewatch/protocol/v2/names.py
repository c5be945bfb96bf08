"""The names of one request: each once, in their order, and what is wrong with those that mean nothing."""

from collections.abc import Iterable
from typing import NamedTuple

from tradewatch.protocol.codes import ErrorCode
from tradewatch.protocol.naming import ECHO_CHARS, Interest, Naming
from tradewatch.protocol.suggestions import Suggestions
from tradewatch.protocol.v2.events import Result

#: Unknown names of one message for which something is suggested.
SUGGESTED_NAMES = 5


class Named(NamedTuple):
    """A name that means something.

    Attributes:
        name: as answers write it.
        interest: what it means.
    """

    name: str
    interest: Interest


def refused(name: str, code: ErrorCode, suggestions: list[str] | None = None) -> Result:
    """The result of a name with which nothing was done."""
    return Result(symbol=name[:ECHO_CHARS], ok=False, code=code.value, suggestions=suggestions or None)


def resolve(texts: Iterable[str], naming: Naming, suggestions: Suggestions) -> list[Named | Result]:
    """What each name means, or its refusal."""
    resolved: dict[str, Named | Result] = {}
    to_suggest = SUGGESTED_NAMES
    for text in dict.fromkeys(texts):
        found = naming.find(text)
        if isinstance(found, list):
            candidates = [naming.canonical(instrument) for instrument in found]
            resolved[text] = refused(text, ErrorCode.AMBIGUOUS_SYMBOL, candidates)
        elif isinstance(found, ErrorCode):
            meant: list[str] = []
            if found is ErrorCode.UNKNOWN_SYMBOL and to_suggest:
                to_suggest -= 1
                close = suggestions.close_to(*naming.neighbourhood(text))
                meant = [naming.canonical(instrument) for instrument in close]
            resolved[text] = refused(text, found, meant)
        else:
            name = naming.canonical(found)
            resolved.setdefault(name, Named(name, found))
    return list(resolved.values())
