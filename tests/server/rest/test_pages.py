"""Paging: forwards and backwards are each other's inverse, and what is inserted disturbs nobody."""

from bisect import insort

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.protocol.cursor import Cursor
from tradewatch.server.rest.pages import Page, page_of

numbers = st.lists(st.integers(0, 60), unique=True).map(sorted)
sizes = st.integers(1, 7)


def key(number: int) -> tuple[int]:
    return (number,)


def walked(items: list[int], page: Page[int], size: int, *, backwards: bool) -> list[Page[int]]:
    """The pages from one to the end of the list, in the order they were read."""
    pages = [page]
    while (cursor := pages[-1].previous if backwards else pages[-1].next) is not None:
        pages.append(page_of(items, key, cursor, size=size))
    return pages


@given(numbers, sizes)
@settings(deadline=None)
def test_forwards_every_item_comes_once(items: list[int], size: int) -> None:
    pages = walked(items, page_of(items, key, size=size), size, backwards=False)
    assert [number for page in pages for number in page.items] == items
    assert all(len(page.items) == size for page in pages[:-1])
    assert {page.total for page in pages} == {len(items)}
    assert pages[0].previous is None
    assert all(page.previous is not None for page in pages[1:])


@given(numbers, sizes)
@settings(deadline=None)
def test_back_from_the_last_page_lead_the_same_pages(items: list[int], size: int) -> None:
    there = walked(items, page_of(items, key, size=size), size, backwards=False)
    back = walked(items, there[-1], size, backwards=True)
    assert back == there[::-1]


@given(numbers, sizes)
@settings(deadline=None)
def test_backwards_from_the_end_every_item_comes_once_and_forth_again(items: list[int], size: int) -> None:
    pages = walked(items, page_of(items, key, Cursor((), backwards=True), size=size), size, backwards=True)
    assert [number for page in pages[::-1] for number in page.items] == items
    assert walked(items, pages[-1], size, backwards=False) == pages[::-1]


@given(numbers, sizes, st.integers(0, 61), st.booleans(), st.booleans())
@settings(deadline=None)
def test_a_page_is_found_again_by_its_own_cursors(
    items: list[int], size: int, at: int, backwards: bool, inclusive: bool
) -> None:
    page = page_of(items, key, Cursor((at,), backwards, inclusive), size=size)
    if page.items:
        assert page_of(items, key, page.current, size=len(page.items)) == page
        assert page_of(items, key, page.current_backwards, size=len(page.items)) == page
    before = page_of(items, key, page.previous, size=100).items if page.previous else []
    behind = page_of(items, key, page.next, size=100).items if page.next else []
    assert before + page.items + behind == items, "also around an empty page nothing is lost"


@given(numbers, st.lists(st.lists(st.integers(0, 60), max_size=3), max_size=40), sizes, st.booleans())
@settings(deadline=None)
def test_inserts_between_pages_neither_repeat_nor_lose_the_others(
    items: list[int], inserts: list[list[int]], size: int, backwards: bool
) -> None:
    seen: list[int] = []
    there_from_the_start = list(items)
    cursor: Cursor | None = Cursor((), backwards=backwards)
    while cursor is not None:
        page = page_of(items, key, cursor, size=size)
        seen += page.items[::-1] if backwards else page.items
        cursor = page.previous if backwards else page.next
        for number in inserts.pop() if inserts else ():
            if number not in items:
                insort(items, number)
    assert seen == sorted(set(seen), reverse=backwards)
    assert set(there_from_the_start) <= set(seen)


def test_what_is_removed_takes_no_neighbour_with_it() -> None:
    page = page_of([1, 2, 3, 4, 5], key, size=2)
    assert page.next is not None
    assert page_of([1, 3, 4, 5], key, page.next, size=2).items == [3, 4]


def test_an_empty_list_has_one_empty_page() -> None:
    page = page_of([], key, size=2)
    assert (page.items, page.total, page.previous, page.next) == ([], 0, None, None)


def test_behind_the_last_item_the_way_back_is_open() -> None:
    page = page_of([1, 2, 3], key, Cursor((3,)), size=2)
    assert (page.items, page.next) == ([], None)
    assert page.previous is not None
    assert page_of([1, 2, 3], key, page.previous, size=2).items == [2, 3]
    assert page_of([1, 2, 3, 4], key, page.current, size=2).items == [4]
