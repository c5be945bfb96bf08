"""Pages of a sorted list, with the cursors that lead from each to the next and back.

A place in the list is beside an item's key, so whatever is inserted or removed elsewhere between two pages
neither repeats an item nor loses one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from fastapi import Request

from tradewatch.protocol.cursor import Cursor, Cursors, InvalidCursorError
from tradewatch.server.rest.parameters import wrong_value

Item = TypeVar("Item")
Key = tuple[int | str, ...]

_START = Cursor(())


class Page(NamedTuple, Generic[Item]):
    """Some items of a list that stand side by side.

    Attributes:
        items: the items, in the order of the list.
        total: how many the whole list has.
        current: leads to this page, from its first item on.
        current_backwards: leads to this page, up to its last item.
        previous: leads to the items before it; None where it is the first page.
        next: leads to the items behind it; None where it is the last page.
    """

    items: list[Item]
    total: int
    current: Cursor
    current_backwards: Cursor
    previous: Cursor | None
    next: Cursor | None


def page_of(
    items: Sequence[Item], key: Callable[[Item], Key], cursor: Cursor | None = None, *, size: int
) -> Page[Item]:
    """The page of a list at a cursor.

    Args:
        items: the whole list; the keys ascend along it, and no two are alike (newest first: a negated time).
        key: the key of an item.
        cursor: where the page begins; None for the list's beginning.
        size: the most items of the page.
    """
    cursor = cursor or _START
    behind_key = cursor.inclusive == cursor.backwards  # on which side of its item the cursor stands
    if cursor.backwards and not cursor.key:
        place = len(items)
    else:
        place = (bisect_right if behind_key else bisect_left)(items, cursor.key, key=key)
    first, end = (max(0, place - size), place) if cursor.backwards else (place, min(len(items), place + size))
    if first == end:  # nothing stands on that side of the cursor, something may on the other
        ahead = Cursor(cursor.key, inclusive=not behind_key)
        back = Cursor(cursor.key, backwards=True, inclusive=behind_key)
        return Page([], len(items), ahead, back, back if first else None, ahead if end < len(items) else None)
    page = list(items[first:end])
    first_key, last_key = key(page[0]), key(page[-1])
    return Page(
        items=page,
        total=len(items),
        current=Cursor(first_key, inclusive=True),
        current_backwards=Cursor(last_key, backwards=True, inclusive=True),
        previous=Cursor(first_key, backwards=True) if first else None,
        next=Cursor(last_key) if end < len(items) else None,
    )


def asked_cursor(request: Request, cursors: Cursors, place: str) -> Cursor | None:
    """The cursor that a request brings in its parameter `cursor`; None where it brings none.

    Args:
        request: the request.
        cursors: reads them.
        place: names the list.

    Raises:
        RequestValidationError: it is none of this list.
    """
    text = request.query_params.get("cursor")
    if not text:
        return None
    try:
        return cursors.read(place, text)
    except InvalidCursorError as error:
        raise wrong_value("cursor", str(error), "invalid_cursor") from None


def page_body(
    page: Page[Item], shown: Callable[[Item], object], cursors: Cursors, place: str, **more: Any
) -> bytes:
    """The JSON of a page.

    Args:
        page: the page.
        shown: what is shown of an item, in a form that msgspec encodes.
        cursors: writes the cursors.
        place: names the list.
        more: what else stands in it.
    """

    def text(cursor: Cursor | None) -> str | None:
        return None if cursor is None else cursors.write(place, cursor)

    return msgspec.json.encode(
        {
            "items": [shown(item) for item in page.items],
            "total": page.total,
            "current_page": text(page.current),
            "current_page_backwards": text(page.current_backwards),
            "previous_page": text(page.previous),
            "next_page": text(page.next),
            **more,
        }
    )


def page_schema(item: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of a page of such items."""
    cursor = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    places = ("current_page", "current_page_backwards", "previous_page", "next_page")
    return {
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {"type": "array", "items": item},
            "total": {"type": "integer", "description": "How many items the whole list has."},
            **dict.fromkeys(places, cursor),
        },
    }
