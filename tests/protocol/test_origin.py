"""Which pages may connect."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.errors import SettingError
from tradewatch.protocol.origin import OriginRule
from tradewatch.protocol.refusal import RefusalReason

HOST = "data.example.com"


def rule(*allowed: str) -> OriginRule:
    return OriginRule(allowed, setting="stream.origins")


def test_what_is_no_browser_is_not_bound():
    assert rule().allows(None, HOST)
    assert rule().allows(None, None)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://data.example.com", "data.example.com"),
        ("http://data.example.com", "data.example.com"),
        ("https://data.example.com", "Data.Example.COM:443"),
        ("http://data.example.com", "data.example.com:80"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("https://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("http://localhost", "localhost"),
    ],
)
def test_the_own_origin_is_allowed(origin: str, host: str):
    assert rule().allows(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://example.com", "data.example.com"),
        ("https://data.example.com.evil.com", "data.example.com"),
        ("https://data.example.com:8443", "data.example.com"),
        ("https://data.example.com", "data.example.com:8443"),
        ("https://data.example.com", "data.example.com:80"),
        ("http://data.example.com", "data.example.com:443"),
        ("http://localhost:8000", "127.0.0.1:8000"),
        ("http://localhost:3000", "localhost:8000"),
        ("https://data.example.com", None),
        ("https://data.example.com", ""),
        ("capacitor://localhost", "localhost"),
        ("file://", ""),
        ("null", "data.example.com"),
        ("null", "null"),
        ("", "data.example.com"),
        ("data.example.com", "data.example.com"),
        ("https://", "data.example.com"),
        ("https://data.example.com/", "data.example.com"),
        ("https://data.example.com https://evil.com", "data.example.com"),
        ("https://evil.com, https://data.example.com", "data.example.com"),
        ("https://user@data.example.com", "data.example.com"),
        ("https://data.example.com\n", "data.example.com"),
        ("https://*.example.com", "*.example.com"),
        ("*", "*"),
        ("https://dàta.example.com", "dàta.example.com"),
    ],
)
def test_others_are_refused(origin: str, host: str | None):
    assert not rule().allows(origin, host)
    assert not rule("https://app.example.com", "https://*.example.org").allows(origin, host)
    assert rule("*").allows(origin, host)


def test_listed_origins_are_allowed_exactly():
    listed = rule("https://app.example.com", "HTTPS://Desk.example.com:8443", "http://[::1]:3000")
    for origin in ("https://app.example.com", "https://app.example.com:443", "https://APP.example.com"):
        assert listed.allows(origin, HOST)
    assert listed.allows("https://desk.example.com:8443", HOST)
    assert listed.allows("http://[::1]:3000", HOST)
    for origin in (
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://desk.example.com",
        "https://x.app.example.com",
        "http://[::1]:3001",
    ):
        assert not listed.allows(origin, HOST)


def test_a_wildcard_is_one_label():
    listed = rule("https://*.example.org")
    assert listed.allows("https://a.example.org", HOST)
    for origin in (
        "https://example.org",
        "https://a.b.example.org",
        "https://.example.org",
        "http://a.example.org",
        "https://a.example.org:8443",
        "https://aexample.org",
        "https://a.example.org.evil.com",
    ):
        assert not listed.allows(origin, HOST)
    assert rule("http://*.example.org:8080").allows("http://a.example.org:8080", HOST)


def test_a_page_is_not_from_a_wildcard():
    assert not rule("https://example.org").allows("https://*.example.org", HOST)
    assert not rule().allows("https://*.example.org", "example.org")


def test_pages_without_an_origin_where_they_are_listed():
    assert rule("null").allows("null", HOST)
    assert not rule("null").allows("https://app.example.com", HOST)


@pytest.mark.parametrize("origin", ["chrome-extension://abcdefgh", "capacitor://localhost", "file://"])
def test_other_schemes_where_they_are_listed(origin: str):
    assert rule(origin).allows(origin, HOST)
    assert not rule("https://app.example.com").allows(origin, HOST)


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("app.example.com", "has no scheme"),
        ("", "has no scheme"),
        ("Null", "has no scheme"),
        ("*.example.com", "has no scheme"),
        ("https://app.example.com/", "has something after its host"),
        ("https://app.example.com/chart?x", "has something after its host"),
        ("https://*app.example.com", "has a * that is not the whole first label of its host"),
        ("https://app.*.com", "has a * that is not the whole first label of its host"),
        ("https://*.*.com", "has a * that is not the whole first label of its host"),
        ("https://*", "has a * that is not the whole first label of its host"),
        ("https://müller.example", "is not ASCII, and browsers write such a host as xn--..."),
        ("https://", "has no host"),
        ("https://:8443", "has no host"),
        ("https://app.example.com:65536", "has a port above 65535"),
        ("https://app.example.com:https", "is no origin"),
        ("https://app example.com", "is no origin"),
        ("https://*.[::1]", "is no origin"),
        ("https://*.", "is no origin"),
        ("wss://data.example.com", "has the scheme of a stream, and pages come over http or https"),
    ],
)
def test_an_entry_that_is_no_origin_is_named(entry: str, fault: str):
    with pytest.raises(SettingError) as caught:
        rule("https://fine.example.com", entry)
    assert str(caught.value) == (
        f"stream.origins: {entry!r} {fault};"
        " an origin is like https://app.example.com, https://*.example.com, null or *"
    )


def test_a_refusal_says_why():
    assert rule().refusal("https://data.example.com", HOST) is None
    refusal = rule().refusal("https://evil.example", HOST)
    assert refusal is not None
    assert (refusal.status, refusal.reason) == (403, RefusalReason.ORIGIN_REFUSED)
    assert json.loads(refusal.body) == {
        "error": {
            "code": 403,
            "message": "web pages of this origin may not connect",
            "reason": "origin_refused",
        }
    }


LABELS = st.text("abcxyz019-", min_size=1, max_size=8)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PORTS = st.sampled_from(["", ":80", ":443", ":8000"])


@settings(deadline=None)
@given(scheme=st.sampled_from(["http", "https"]), host=HOSTS, port=PORTS, asked_host=HOSTS, asked_port=PORTS)
def test_own_is_who_was_asked(scheme, host, port, asked_host, asked_port):
    default = {"http": ":80", "https": ":443"}[scheme]
    for asked in (asked_host, host):
        own = (host, port or default) == (asked, asked_port or default)
        assert rule().allows(f"{scheme}://{host}{port}", f"{asked}{asked_port}") is own


@settings(deadline=None)
@given(origin=st.text(), host=st.none() | st.text())
def test_any_text_has_an_answer(origin, host):
    listed = rule("https://*.example.com")
    assert listed.allows(origin, host) in {True, False}
    assert (listed.refusal(origin, host) is None) is listed.allows(origin, host)


@settings(deadline=None)
@given(entry=st.text() | st.from_regex(r"https?://[*a-z.]{0,12}(:[0-9]{1,6})?/?", fullmatch=True))
def test_an_entry_is_taken_or_refused_with_a_reason(entry):
    try:
        listed = rule(entry)
    except SettingError as error:
        said = str(error).removeprefix(f"stream.origins: {entry[:80]!r} ")
        assert said.startswith(("has ", "is "))
        assert not said.startswith(("has ;", "is ;"))
    else:
        if "*" not in entry:
            assert listed.allows(entry, None)
