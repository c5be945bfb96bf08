"""Query parameters that a route reads itself, and the one form in which it says what is wrong with them."""

import re
from collections.abc import Collection

from fastapi import Request
from fastapi.exceptions import RequestValidationError

_SHOWN_CHARS = 40
#: More digits are no number that any parameter takes.
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


def wrong_value(name: str, message: str, kind: str, *, place: str = "query") -> RequestValidationError:
    """A parameter does not fit: to be raised, and answered with 422.

    Args:
        name: of the parameter.
        message: what is wrong, and what the limit is.
        kind: the same for a program.
        place: `query` or `path`.
    """
    return RequestValidationError([{"loc": (place, name), "msg": message, "type": kind}])


def missing_value(name: str) -> RequestValidationError:
    """A parameter that is needed is not there, or is empty."""
    return wrong_value(name, "this parameter is needed", "missing")


def whole_number(request: Request, name: str, *, lowest: int, highest: int) -> int | None:
    """The whole number that a parameter says; None where it is not there.

    Raises:
        RequestValidationError: it is no such number, or outside of these bounds.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    number = int(text) if _WHOLE.fullmatch(text) else None
    if number is None or not lowest <= number <= highest:
        said = f"not a whole number from {lowest:,} to {highest:,}: {text[:_SHOWN_CHARS]!r}"
        raise wrong_value(name, said, "whole_number")
    return number


def choice(request: Request, name: str, choices: Collection[str]) -> str | None:
    """What a parameter chooses, in lower case; None where it is not there.

    Raises:
        RequestValidationError: it is none of the choices; names them.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    chosen = text.lower()
    if chosen not in choices:
        raise wrong_value(name, f"not one of {', '.join(choices)}: {text[:_SHOWN_CHARS]!r}", "choice")
    return chosen
