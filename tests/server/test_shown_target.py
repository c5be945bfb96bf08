"""What a log shows of a request line: everything but secrets, and nothing that a log or a terminal obeys."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.server.shown_target import shown_target

KEY = "tw_0123456789ab_" + "S3cret" * 7 + "x"


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/crypto/quotes",
        "/crypto/BTCUSD/ticks?from=01J:5&to=&limit=10",
        "/a%20b?x=%2541&flag&y=1+2#part",
        "*",
    ],
)
def test_what_is_no_secret_stays_as_it_was_sent(target: str) -> None:
    assert shown_target(target) == target


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/quotes?api-key=abc", "/quotes?api-key=***"),
        ("/quotes?x=1&API_KEY=abc&y=2", "/quotes?x=1&API_KEY=***&y=2"),
        ("/quotes?ticket=abc&session=def", "/quotes?ticket=***&session=***"),
        ("/health/canary?token=abc", "/health/canary?token=***"),
        ("/quotes?%61pi-key=abc", "/quotes?%61pi-key=***"),
        ("/quotes?%2561pi%252Dkey=abc", "/quotes?%2561pi%252Dkey=***"),
        ("/quotes?api-key%3Dabc", "/quotes?***"),
        ("/quotes?x=1%26api-key%3Dabc", "/quotes?x=***"),
        ("/quotes?\uff21\uff30\uff29-key=abc", "/quotes?\uff21\uff30\uff29-key=***"),
        ("/quotes?api-key[]=abc;session=x", "/quotes?api-key[]=***;session=***"),
        ("/quotes#api-key=abc", "/quotes#api-key=***"),
        ("/quotes;ticket=abc?x=1", "/quotes;ticket=***?x=1"),
        ("http://me:pass@host:8000/quotes?api-key=abc&x=1", "/quotes?api-key=***&x=1"),
        (f"/{KEY}/quotes", "/***/quotes"),
        (f"/quotes?x={KEY}", "/quotes?x=***"),
        (f"/quotes?{KEY}", "/quotes?***"),
        (f"/quotes?{KEY}=1", "/quotes?***"),
        (f"/quotes?x={KEY.replace('_', '%5F').replace('t', '%74')}", "/quotes?x=***"),
        ("/quotes?x=%25252525252541", "/quotes?x=***"),
    ],
)
def test_secrets_are_taken_out(target: str, shown: str) -> None:
    assert shown_target(target) == shown


def test_lines_colours_and_turned_writing_are_written_out() -> None:
    assert shown_target("/a\n2026 info x: forged\x1b[31m\u202e") == "/a\\n2026 info x: forged\\x1b[31m\\u202e"


def test_what_is_too_long_is_cut_behind_the_secrets() -> None:
    shown = shown_target(f"/quotes?api-key={'s' * 100_000}&x=1")
    assert shown == "/quotes?api-key=***"
    assert len(shown_target("/" + "a" * 100_000)) == 512


def encoded(text: str, which: list[bool], rounds: int) -> str:
    """The text with some of its characters percent-encoded, several times over."""
    for _ in range(rounds):
        text = "".join(f"%{ord(c):02X}" if which[place % len(which)] else c for place, c in enumerate(text))
    return text


@settings(deadline=None)
@given(
    st.sampled_from(["api-key", "API_KEY", "Ticket", "seSSion"]),
    st.lists(st.booleans(), min_size=1, max_size=7),
    st.integers(0, 3),
    st.text("abcdefgh=&?", max_size=8),
)
def test_no_way_of_writing_the_name_shows_the_value(
    name: str, which: list[bool], rounds: int, before: str
) -> None:
    target = f"/quotes?{before}&{encoded(name, which, rounds)}=S3cret&x=1"
    assert "S3cret" not in shown_target(target)
    assert "S3cret" not in shown_target("/quotes?" + encoded(f"x=1&{name}=S3cret", which, rounds))
    assert shown_target(target).endswith("&x=1")


@settings(deadline=None)
@given(st.text())
def test_anything_is_one_short_line(target: str) -> None:
    for sent in (target, "/" + target, "/" + quote(target, errors="replace")):
        shown = shown_target(sent)
        assert shown.isprintable()
        assert len(shown) <= 512
