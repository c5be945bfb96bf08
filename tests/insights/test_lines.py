"""Insights as JSON lines: what is written is read again, and a wrong line is named."""

import json

import pytest

from tradewatch.errors import UsageError
from tradewatch.insights.insight import Entry, Insight, MetaData
from tradewatch.insights.lines import MAX_LINE_BYTES, line_of, read_lines
from tradewatch.model.asset_class import AssetClass

ENTRY = Entry(
    AssetClass.CURRENCIES,
    Insight(timestamp=1_767_389_239_253, content="holds\n1.17", meta_data=MetaData(tickets=("EURUSD",))),
)


def read(*lines: bytes) -> list[Entry]:
    return list(read_lines(lines, name="a.jsonl"))


def test_a_line_shows_everything_and_is_read_as_the_same() -> None:
    line = line_of(ENTRY)
    assert json.loads(line) == {
        "id": ENTRY.id,
        "asset_class": "currencies",
        "timestamp": 1_767_389_239_253,
        "content": "holds\n1.17",
        "meta_data": {"tickets": ["EURUSD"]},
    }
    assert read(line, b"\n", line + b"\r\n") == [ENTRY, ENTRY]


def test_a_line_without_a_class_is_of_all() -> None:
    found = read(b'{"timestamp": "2026-01-02T21:27:19.253Z", "content": "quiet"}')
    assert [entry.asset_class for entry in found] == list(AssetClass)
    assert {entry.insight for entry in found} == {Insight(timestamp=1_767_389_239_253, content="quiet")}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "Input data was truncated"),
        (b"\xff", "JSON is malformed: invalid character (byte 0)"),
        (b'{"timestamp": 1, "content": "\xff"}', "can't decode byte 0xff"),
        (b'{"timestamp": 1}', "Object missing required field `content`"),
        (b'{"timestamp": 1, "content": ""}', "the content is empty"),
        (b'{"timestamp": true, "content": "a"}', "Expected `int | str`, got `bool` - at `$.timestamp`"),
        (b'{"timestamp": -1, "content": "a"}', "Expected `int` >= 0 - at `$.timestamp`"),
        (b'{"timestamp": "noon", "content": "a"}', "'noon' is no time"),
        (b'{"timestamp": 1, "content": "a", "asset_class": "bonds"}', "Invalid enum value 'bonds'"),
        (b'{"timestamp": 1, "content": "a", "market": []}', "Object contains unknown field `market`"),
        (b"[" * 100_000, "array"),
        (b" " * MAX_LINE_BYTES + b"{}", "longer than 262,144 bytes"),
    ],
)
def test_a_wrong_line_is_named(line: bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(line_of(ENTRY), b"\n", line)
    assert str(caught.value).startswith("a.jsonl, line 3: ")
    assert message in str(caught.value)


def test_a_line_of_blanks_that_is_too_long_is_no_line() -> None:
    assert read(b" " * (MAX_LINE_BYTES + 1)) == []
