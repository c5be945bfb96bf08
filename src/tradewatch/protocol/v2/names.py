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
    symbol = name[:ECHO_CHARS]
    if suggestions:
        return Result(symbol=symbol, ok=False, code=code, suggestions=suggestions)
    return Result(symbol=symbol, ok=False, code=code)


def resolve(texts: Iterable[str], naming: Naming, suggestions: Suggestions) -> list[Named | Result]:
    """What each name means, or its refusal."""
    resolved: list[Named | Result] = []
    meant: set[str] = set()
    to_suggest = SUGGESTED_NAMES
    find = naming.find
    for text in dict.fromkeys(texts):
        found = find(text)
        if isinstance(found, ErrorCode):
            if to_suggest and found is ErrorCode.UNKNOWN_SYMBOL:
                to_suggest -= 1
                close = suggestions.close_to(*naming.neighbourhood(text))
                resolved.append(refused(text, found, [naming.canonical(each) for each in close]))
            else:
                resolved.append(refused(text, found))
        elif isinstance(found, list):
            candidates = [naming.canonical(instrument) for instrument in found]
            resolved.append(refused(text, ErrorCode.AMBIGUOUS_SYMBOL, candidates))
        elif (name := naming.canonical(found)) not in meant:
            meant.add(name)
            resolved.append(Named(name, found))
    return resolved
