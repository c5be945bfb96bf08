"""Requests that are refused, cut, or answered by somebody else; and what nobody may see."""

import logging
import socket
import traceback
from collections.abc import Iterator

import httpx
import pytest

from tests.client.rest.conftest import KEY
from tests.client.rest.fake_api import ARROW, TICK_SCHEMA, Answer, FakeApi, arrow, refusal, said, tick
from tradewatch.client import (
    Api,
    AuthenticationError,
    PlanError,
    ProtocolViolationError,
    RateLimitedError,
    RefusedError,
    Retry,
    ServerDrainingError,
    UnreachableError,
)
from tradewatch.client.rest import site
from tradewatch.errors import UsageError


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_what_was_refused_for_now_is_asked_again(api: Api, fake: FakeApi, waits: list[float]) -> None:
    fake.next_answers = [
        refusal(429, "too_many_requests", retry_after="7"),
        refusal(503, "draining"),
        refusal(503, "history_unavailable", retry_after="1"),
    ]
    assert len(api.quotes("crypto", "BTCUSD")) == 1
    assert waits == [7.25, 0.5, 1.25]
    assert api.retries == 3
    assert len(fake.asked) == 4


def test_frames_and_later_pages_are_asked_again_too(api: Api, fake: FakeApi, waits: list[float]) -> None:
    first = said({"items": [], "next_page": "1000"})
    fake.next_answers = [first, refusal(429, "too_many_requests", retry_after="2")]
    assert len(api.symbols("crypto")) == 1_500
    fake.next_answers = [refusal(503, "history_unavailable", retry_after="3")]
    assert len(api.ticks("currencies:EURUSD", start=0, end=9).to_pandas()) == 9
    assert waits == [2.25, 3.25]


def test_it_is_not_asked_for_ever(api: Api, fake: FakeApi, waits: list[float]) -> None:
    fake.next_answers = [refusal(503, "draining", "going down", retry_after="1")] * 5
    with pytest.raises(ServerDrainingError) as caught:
        api.quotes("crypto", "BTCUSD")
    assert str(caught.value) == "503 draining: going down (again in 1 s)"
    assert (len(waits), len(fake.asked), fake.next_answers) == (4, 5, [])


def test_a_server_that_wants_to_be_left_alone_for_long_is(
    api: Api, fake: FakeApi, waits: list[float]
) -> None:
    fake.next_answers = [refusal(429, "too_many_requests", retry_after="40000")]
    with pytest.raises(RateLimitedError) as caught:
        api.quotes("crypto", "BTCUSD")
    assert caught.value.retry_after_s == 40_000
    assert waits == []


def test_no_retries_where_none_are_wanted(fake: FakeApi) -> None:
    fake.next_answers = [refusal(503, "draining", retry_after="0")]
    with Api(fake.url, retry=Retry(attempts=0)) as api, pytest.raises(ServerDrainingError):
        api.quotes("crypto", "BTCUSD")


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (refusal(401, "key_unknown", "nobody has it"), AuthenticationError, "401 key_unknown: nobody has it"),
        (refusal(403, "plan_without_history"), PlanError, "403 plan_without_history: no"),
        (refusal(500, "internal_error"), RefusedError, "500 internal_error: no"),
        (
            said({"detail": [{"loc": ["query", "end"], "msg": "too many", "type": "x"}]}, 422),
            RefusedError,
            "422 invalid_request: end: too many",
        ),
        (Answer(502, "text/html", (b"<h1>",)), RefusedError, "the answer of URL is 502 Bad Gateway"),
        (Answer(599, "text/html", (b"\xff",) * 70), RefusedError, "the answer of URL is 599"),
        (
            Answer(502, "text/html", (b"a" * 50_000,) * 9),
            RefusedError,
            "the answer of URL is 502 Bad Gateway",
        ),
    ],
)
def test_refusals_say_why(api: Api, fake: FakeApi, answer: Answer, kind: type, message: str) -> None:
    fake.next_answers = [answer]
    with pytest.raises(RefusedError) as caught:
        api.quotes("crypto", "BTCUSD")
    assert type(caught.value) is kind
    assert str(caught.value) == message.replace("URL", fake.url)
    assert caught.value.status == answer.status


def test_no_redirect_is_followed(api: Api, fake: FakeApi) -> None:
    """The library would show the key to whatever host it is sent to."""
    fake.next_answers = [said({}, 302, location=f"{fake.url}/crypto/quotes?symbols=A")]
    with pytest.raises(RefusedError, match="302 Found"):
        api.quotes("crypto", "BTCUSD")
    assert len(fake.asked) == 1


@pytest.mark.parametrize("after", [0, 1])
def test_an_answer_that_is_cut_is_no_answer(api: Api, fake: FakeApi, after: int) -> None:
    """Whatever was whole of it until then is not taken for all there is."""
    chunks = arrow([tick(second) for second in range(2_000)], TICK_SCHEMA)
    history = api.ticks("currencies:EURUSD", start=0, end=2_000)
    for read in (history.to_pandas, history.to_polars):
        fake.next_answers = [Answer(kind=ARROW, body=chunks[:after], whole=False)]
        with pytest.raises(UnreachableError, match="did not come whole"):
            read()
    fake.next_answers = [Answer(body=(b'{"items":[]}',), whole=False)]
    with pytest.raises(UnreachableError, match="did not come whole"):
        list(history)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(kind="text/html", body=(b"<h1>",)), "URL answers with 'text/html', not 'application/json'"),
        (Answer(body=(b"<h1>",)), "the server's answer is none of this API: JSON is malformed"),
        (Answer(body=(b'{"items": 5}',)), "the server's answer is none of this API: Expected `array`"),
        (Answer(body=(b"\xff",)), "the server's answer is none of this API: "),
    ],
)
def test_who_is_no_such_server(api: Api, fake: FakeApi, answer: Answer, message: str) -> None:
    fake.next_answers = [answer]
    with pytest.raises(ProtocolViolationError) as caught:
        api.quotes("crypto", "BTCUSD")
    assert str(caught.value).startswith(message.replace("URL", fake.url))


def test_a_server_that_has_no_frames(api: Api, fake: FakeApi) -> None:
    fake.next_answers = [said({"items": []})]
    with pytest.raises(ProtocolViolationError, match=f"'application/json', not '{ARROW}'"):
        api.candles("currencies:EURUSD", start=0, end=60).to_polars()


def test_an_endless_answer_is_not_read_to_its_end(
    api: Api, fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.client.rest.http.MAX_JSON_BYTES", 1_000)
    fake.next_answers = [Answer(body=(b" " * 600,) * 3)]
    with pytest.raises(ProtocolViolationError, match="longer than"):
        api.quotes("crypto", "BTCUSD")


def test_nobody_is_there(fake: FakeApi) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Api(f"http://127.0.0.1:{port}") as api, pytest.raises(UnreachableError) as caught:
        api.quotes("crypto", "BTCUSD")
    assert str(caught.value) == f"cannot reach http://127.0.0.1:{port}: connection refused"


def test_a_server_that_goes_while_it_is_waited_for() -> None:
    leaving = FakeApi()
    leaving.next_answers = [refusal(503, "draining", retry_after="1", connection="close")]
    with (
        Api(leaving.url, sleep=lambda _: leaving.close()) as api,
        pytest.raises(UnreachableError, match=r"^cannot reach .*: connection refused$"),
    ):
        api.quotes("crypto", "BTCUSD")


def test_nobody_answers(silent_port: int) -> None:
    with (
        Api(f"http://127.0.0.1:{silent_port}", timeout_s=0.05) as api,
        pytest.raises(UnreachableError, match=r"silent for 0\.05 s"),
    ):
        api.quotes("crypto", "BTCUSD")


def test_the_key_is_in_a_header_and_nowhere_else(
    api: Api, fake: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.quotes("crypto", "BTCUSD")
    (asked,) = fake.asked
    assert asked.headers["api-key"] == KEY
    assert KEY not in asked.path + repr(asked.query)
    fake.next_answers = [refusal(401, "key_unknown"), Answer(body=(b"{",), whole=False)]
    seen = [repr(api), repr(vars(api)), repr(api.candles("crypto:A", start=0, end=60)), repr(api._http.site)]
    for _ in range(2):
        with pytest.raises((RefusedError, UnreachableError)) as caught:
            api.quotes("crypto", "BTCUSD")
        seen += [str(caught.value), repr(caught.value), *traceback.format_exception(caught.value)]
    seen += [record.getMessage() for record in caplog.records]
    assert len(caplog.records) > 3
    assert KEY not in "".join(seen)
    assert KEY[16:] not in "".join(seen)


def test_an_address_is_shown_without_its_secrets() -> None:
    with Api("https://desk:secret@example.com/prefix/?api-key=secret") as api:
        assert repr(api) == "<Api https://example.com/prefix>"


def test_a_path_in_front_of_the_server_is_kept(fake: FakeApi) -> None:
    with Api(f"ws://127.0.0.1:{fake.port}/market/?api-key=x#here") as api:
        api.quotes("crypto", "BTCUSD")
    assert (fake.asked[0].path, fake.asked[0].query) == ("/market/crypto/quotes", {"symbols": "BTCUSD"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "ftp://a"}, "the URL of the server must be like"),
        ({"url": "http://a", "api_key": "\n"}, "holds characters that no key has"),
        ({"url": "http://a", "timeout_s": 0}, "more than 0 s, not 0"),
        ({"url": "http://a", "timeout_s": float("nan")}, "more than 0 s, not nan"),
    ],
)
def test_options_that_cannot_be_ones(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Api(**options)  # type: ignore[arg-type]


def test_certificates_that_are_none(tmp_path: object) -> None:
    with pytest.raises(UsageError, match="cannot be used as certificates"):
        Api("https://example.com", cacert=f"{tmp_path}/none.pem")  # type: ignore[arg-type]


def test_frames_come_as_they_are_and_not_compressed(api: Api, fake: FakeApi) -> None:
    api.candles("currencies:EURUSD", start=0, end=60).to_polars()
    api.quotes("crypto", "A")
    assert fake.asked[0].headers["accept-encoding"] == "identity"
    assert "gzip" in fake.asked[1].headers["accept-encoding"]
    assert fake.asked[0].headers["user-agent"].startswith("tradewatch/")


def test_all_waits_have_limits() -> None:
    where = site.Site("http://a", api_key=None, cacert=None, timeout_s=30)
    from tradewatch.client.rest.asked import Request

    timeout = where.get(Request("/a"), site.JSON, httpx)["timeout"]
    assert timeout.as_dict() == {"connect": 10.0, "read": 30.0, "write": 30.0, "pool": 30.0}
