"""Log lines: one each, with the fields of the one who logs."""

import io
import json
import logging
import sys
from typing import Any, Literal

import pytest

from tradewatch.cli.logs import log_handler


class Capture:
    """A logger whose lines are read as they were written."""

    def __init__(self, log_format: Literal["text", "json"]) -> None:
        self.stream = io.StringIO()
        self._handler = log_handler(log_format)
        self._handler.setStream(self.stream)  # type: ignore[attr-defined]
        self.logger = logging.Logger("tradewatch.test")  # noqa: LOG001 - one that no other test hears
        self.logger.addHandler(self._handler)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def text() -> Capture:
    return Capture("text")


@pytest.fixture
def json_lines() -> Capture:
    return Capture("json")


FIELDS: dict[str, Any] = {
    "client": "192.0.2.7",
    "path": "/a?x=1",
    "key": "",
    "status": 200,
    "duration_ms": 0.25,
    "what": 'two "words"',
    "forged": "a\nb",
    "websocket": object(),
    "color_message": "\x1b[1m",
}


def test_text_appends_the_fields(text: Capture) -> None:
    text.logger.info("request", extra=FIELDS)
    (line,) = text.lines
    stamp, rest = line.split(" ", 1)
    assert len(stamp) == len("2026-01-02T21:27:19.253Z")
    assert rest == (
        'info    tradewatch.test: request client=192.0.2.7 path="/a?x=1" status=200 duration_ms=0.25'
        r' what="two \"words\"" forged=a\nb'
    )


def test_json_has_them_as_values(json_lines: Capture) -> None:
    json_lines.logger.info("request", extra={**FIELDS, "level": "mine", "half": "\ud800"})
    (line,) = json_lines.lines
    found = json.loads(line)
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "info",
        "logger": "tradewatch.test",
        "message": "request",
        "client": "192.0.2.7",
        "path": "/a?x=1",
        "key": "",
        "status": 200,
        "duration_ms": 0.25,
        "what": 'two "words"',
        "forged": "a\nb",
        "half": "\\ud800",
    }


def test_without_fields_lines_are_as_ever(text: Capture, json_lines: Capture) -> None:
    for capture in (text, json_lines):
        capture.logger.warning("%s of %d", "one", 2)
    assert text.lines[0].endswith(" warning tradewatch.test: one of 2")
    assert set(json.loads(json_lines.lines[0])) == {"time", "level", "logger", "message"}


def test_a_message_cannot_make_a_second_line(text: Capture, json_lines: Capture) -> None:
    for capture in (text, json_lines):
        capture.logger.error("bad name %s", "x\n2026-01-01T00:00:00.000Z info forged\x1b[2J\u202e")
        assert len(capture.lines) == 1
        assert "\x1b" not in capture.lines[0]
    assert text.lines[0].endswith(r"x\n2026-01-01T00:00:00.000Z info forged\x1b[2J\u202e")


def fail() -> None:
    raise ValueError("one\nforged\x1b[2J")


def test_an_exception_stands_below_further_in(text: Capture, json_lines: Capture) -> None:
    for capture in (text, json_lines):
        try:
            fail()
        except ValueError:
            capture.logger.exception("it failed")
    first, *below = text.lines
    assert first.endswith("tradewatch.test: it failed")
    assert below[0] == "  Traceback (most recent call last):"
    assert below[-2:] == ["  ValueError: one", r"  forged\x1b[2J"]
    assert json.loads(json_lines.lines[0])["exception"].endswith("ValueError: one\nforged\x1b[2J")


def test_the_lines_go_to_stderr() -> None:
    handler = log_handler("text")
    assert isinstance(handler, logging.StreamHandler)
    assert handler.stream is sys.stderr
