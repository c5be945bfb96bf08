"""What may be an insight, what it is called, and how its time is read."""

import time
from collections.abc import Iterator

import msgspec
import pytest

from tradewatch.errors import UsageError
from tradewatch.insights.insight import MAX_TIMESTAMP_MS, Entry, Insight, MetaData, entries, timestamp_ms
from tradewatch.model.asset_class import AssetClass

NOON_MS = 1_767_355_200_000  # 2026-01-02T12:00:00Z


def converted(**fields: object) -> Insight:
    return msgspec.convert({"timestamp": NOON_MS, "content": "quiet", **fields}, Insight)


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time is not UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def test_clients_read_only_what_there_is() -> None:
    insight = converted(meta_data={"tickets": ["EURUSD"], "markets": []})
    assert msgspec.json.decode(msgspec.json.encode(insight)) == {
        "timestamp": NOON_MS,
        "content": "quiet",
        "meta_data": {"tickets": ["EURUSD"]},
    }
    assert msgspec.to_builtins(converted())["meta_data"] == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"content": " \n"}, "the content is empty"),
        ({"content": "a\x00b"}, "the content holds '\\x00', which is no text"),
        ({"content": "a\x1b[2J"}, "the content holds '\\x1b', which is no text"),
        ({"content": "\udc80"}, "the content holds '\\udc80', which is no text"),
        ({"content": "é" * 8_193}, "the content is longer than 16,384 bytes"),
        ({"timestamp": -1}, "Expected `int` >= 0 - at `$.timestamp`"),
        ({"timestamp": MAX_TIMESTAMP_MS + 1}, f"Expected `int` <= {MAX_TIMESTAMP_MS} - at `$.timestamp`"),
        (
            {"meta_data": {"tickets": ["A" * 65]}},
            "Expected `str` of length <= 64 - at `$.meta_data.tickets[0]`",
        ),
        (
            {"meta_data": {"markets": [""]}},
            "Expected `str` of length >= 1 - at `$.meta_data.markets[0]`",
        ),
        (
            {"meta_data": {"hashtags": ["a"] * 65}},
            "Expected `array` of length <= 64 - at `$.meta_data.hashtags`",
        ),
        (
            {"meta_data": {"hashtags": [" a"]}},
            "' a' is no tag: printable characters, no space at either end - at `$.meta_data`",
        ),
        (
            {"meta_data": {"ticket": ["A"]}},
            "Object contains unknown field `ticket` - at `$.meta_data`",
        ),
    ],
)
def test_what_is_no_insight_is_refused_with_its_reason(fields: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        converted(**fields)
    assert str(caught.value) == message


def test_the_longest_insight_is_one() -> None:
    assert len(converted(content="é" * 8_192).content) == 8_192
    assert converted(content="a\n\tb\r\n").content == "a\n\tb\r\n"


def test_the_id_is_of_class_time_and_content() -> None:
    entry = Entry(AssetClass.CRYPTO, converted())
    assert entry.id == "6491c4d23e9643b0de50"
    assert Entry(AssetClass.CRYPTO, converted(meta_data={"markets": ["x"]})).id == entry.id
    others = [
        Entry(AssetClass.STOCKS, converted()),
        Entry(AssetClass.CRYPTO, converted(timestamp=NOON_MS + 1)),
        Entry(AssetClass.CRYPTO, converted(content="loud")),
    ]
    assert len({entry.id, *(other.id for other in others)}) == 4


def test_of_no_class_is_of_all_and_each_counts_once() -> None:
    insight = converted()
    assert [entry.asset_class for entry in entries(insight, [])] == list(AssetClass)
    twice = entries(insight, [AssetClass.STOCKS, AssetClass.STOCKS])
    assert twice == [Entry(AssetClass.STOCKS, insight)]


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("2026-01-02T12:00:00Z", NOON_MS),
        ("2026-01-02T12:00:00", NOON_MS),
        ("2026-01-02T14:00:00.250+02:00", NOON_MS + 250),
        ("2026-01-02", NOON_MS - 43_200_000),
        ("1767355200000", NOON_MS),
        (NOON_MS, NOON_MS),
    ],
)
@pytest.mark.usefixtures("far_from_utc")
def test_times_as_people_write_them(written: int | str, ms: int) -> None:
    assert timestamp_ms(written) == ms


@pytest.mark.parametrize("time", ["", "noon", "2026-13-01", "9" * 40, "0001-01-01T00:00:00+23:00"])
def test_what_is_no_time(time: str) -> None:
    with pytest.raises(UsageError, match="is no time, such as 2026-01-31T12:00:00Z or Unix milliseconds"):
        timestamp_ms(time)


def test_the_time_as_people_read_it() -> None:
    assert converted(timestamp=1_767_389_239_003).utc == "2026-01-02T21:27:19.003Z"
    assert converted(timestamp=MAX_TIMESTAMP_MS).utc == "9999-12-31T23:59:59.999Z"


def test_meta_data_is_one_value_with_all_that_is_equal() -> None:
    assert converted() == Insight(timestamp=NOON_MS, content="quiet", meta_data=MetaData())
