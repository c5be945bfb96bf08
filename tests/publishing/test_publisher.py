"""Publishing: each batch once, whole or not at all, answered with positions, row by row."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tradewatch.access.grant import EVERYTHING, PublishGrant
from tradewatch.clock import ManualClock
from tradewatch.errors import BatchRefusedError
from tradewatch.fanout.claims import Claims
from tradewatch.fanout.hub import Hub
from tradewatch.fanout.intake import Intake
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.messages import MessageError
from tradewatch.protocol.publish import decode_batch, published
from tradewatch.publishing.publisher import Limits, Publisher
from tradewatch.publishing.quote import QuoteReader
from tradewatch.reference.catalogue import Catalogue
from tradewatch.tape.memory import MemoryLog
from tradewatch.tape.segments import SegmentLog
from tradewatch.tape.tape import Tape

KEY = "abcdefghijkl"


class Desk:
    """A publisher over a log, which can be started again."""

    def __init__(self, directory: Path | None, **limits: int) -> None:
        self.directory = directory
        self.clock = ManualClock()
        self.limits = Limits(**{"quotes": 100, "producers_per_key": 3, **limits})
        self.logs: list[Any] = []
        self.start()

    def start(self) -> None:
        self.clock.advance(1)
        if self.directory is None:
            self.log: Any = MemoryLog(clock=self.clock)
            recovered = self.log.recovered
        else:
            self.log, recovered = SegmentLog.open(self.directory, clock=self.clock, boot_id="boot")
        self.logs.append(self.log)
        self.catalogue = Catalogue(limit=50)
        tape = Tape(self.log, recovered, catalogue=self.catalogue, clock=self.clock)
        self.catalogue.add(AssetClass.CURRENCIES, "EURUSD", decimals=5)
        self.hub = Hub(call_soon=lambda callback: None)
        self.claims = Claims()
        self.publisher = Publisher(
            Intake(tape, self.hub),
            QuoteReader(self.catalogue, self.claims),
            clock=self.clock,
            limits=self.limits,
        )
        self.tape = tape

    def publish(self, batch: object, *, key: str = KEY, grant: PublishGrant = EVERYTHING) -> Any:
        """The answer as a client reads it."""
        text = batch if isinstance(batch, bytes) else json.dumps(batch).encode()
        decoded = decode_batch(text, most_quotes=1_000)
        return msgspec.json.decode(published(self.publisher.publish(decoded, key_id=key, grant=grant)))


@pytest.fixture
def desk() -> Desk:
    return Desk(None)


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "tape" / "0")
    yield made
    for log in made.logs:
        log.close()


def quote(
    symbol: str = "BTCUSD", bid: object = "61837.63", ask: object = "61837.64", **more: object
) -> dict[str, Any]:
    return {
        "asset_class": "crypto",
        "symbol": symbol,
        "timestamp": "1767389239253",
        "bid": bid,
        "ask": ask,
        **more,
    }


def batch(number: int, *quotes: dict[str, Any], producer: str = "p1") -> dict[str, Any]:
    return {"action": "publish", "producer": producer, "batch": number, "quotes": list(quotes)}


def test_a_batch_is_answered_with_positions_in_its_order(desk: Desk) -> None:
    answer = desk.publish(batch(12, quote(), quote("ETHUSD"), quote("btcusd")))
    epoch = desk.tape.epoch
    assert answer == {
        "event": "published",
        "batch": 12,
        "stored": True,
        "results": [
            {"symbol": "BTCUSD", "position": f"{epoch}:1"},
            {"symbol": "ETHUSD", "position": f"{epoch}:1"},
            {"symbol": "btcusd", "position": f"{epoch}:2"},
        ],
    }


def test_prices_keep_the_publishers_own_digits(desk: Desk) -> None:
    text = b"""{"producer": "p", "batch": 1, "quotes": [{"asset_class": "crypto", "symbol": "A",
        "timestamp": 1767389239253, "bid": 61837.63000000, "ask": 61837.6300000000001,
        "bid_size": "0.50"}]}"""
    desk.publish(text)
    instrument = desk.catalogue.get(AssetClass.CRYPTO, "A")
    assert instrument is not None
    record = desk.tape.newest(instrument)
    assert record is not None
    assert record.bid is not None
    assert record.ask is not None
    assert record.bid_size is not None
    assert (record.bid.text, record.ask.text, record.bid_size.text) == (
        "61837.63",
        "61837.6300000000001",
        "0.5",
    )
    assert record.event_ns == 1_767_389_239_253_000_000
    assert instrument.decimals == 13


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (quote(bid="NaN"), "invalid_price"),
        (quote(bid="1,5"), "invalid_price"),
        (quote(bid=True), "invalid_price"),
        (quote(bid=[1]), "invalid_price"),
        (quote(bid=None, ask=None), "invalid_price"),
        (quote(bid="0"), "invalid_price"),
        (quote(bid="-1"), "invalid_price"),
        (quote(bid=10**30), "invalid_price"),
        (quote(bid="1e99"), "invalid_price"),
        (quote(bid_size="many"), "invalid_size"),
        (quote(ask_size="-1"), "invalid_size"),
        (quote(timestamp="yesterday"), "invalid_timestamp"),
        (quote(timestamp="-1"), "invalid_timestamp"),
        (quote(timestamp=-1), "invalid_timestamp"),
        (quote(timestamp="99999999999999"), "invalid_timestamp"),
        (quote(timestamp=10**40), "invalid_timestamp"),
        (quote(timestamp="1.5"), "invalid_timestamp"),
        (quote(asset_class="bonds"), "invalid_asset_class"),
        (quote(asset_class=5), "invalid_asset_class"),
        (quote(symbol="BTC USD"), "invalid_symbol"),
        (quote(symbol="B" * 33), "invalid_symbol"),
        (quote(symbol='B"\n'), "invalid_symbol"),
        (quote(symbol=5), "invalid_symbol"),
        ({}, "invalid_price"),
    ],
)
def test_a_bad_quote_is_refused_by_its_code_and_the_others_stand(
    desk: Desk, row: dict[str, Any], code: str
) -> None:
    answer = desk.publish(batch(1, quote(), row, quote()))
    assert [result.get("code") for result in answer["results"]] == [None, code, None]
    assert answer["results"][1]["ok"] is False
    assert answer["results"][2]["position"].endswith(":2")
    assert desk.publisher.refused_quotes == 1


def test_negative_prices_are_prices_of_commodities(desk: Desk) -> None:
    answer = desk.publish(batch(1, quote("WTI", "-37.63", "-37.62", asset_class="commodities")))
    assert "position" in answer["results"][0]


def test_a_grant_binds(desk: Desk) -> None:
    grant = PublishGrant(classes=frozenset({AssetClass.CRYPTO}), symbols=("BTC*",), may_create=False)
    desk.publish(batch(1, quote("BTCUSD")))
    rows = [quote("BTCUSD"), quote("ETHUSD"), quote("EURUSD", asset_class="currencies"), quote("BTCEUR")]
    answer = desk.publish(batch(1, *rows), key="other", grant=grant)
    assert [result.get("code") for result in answer["results"]] == [
        None,
        "not_allowed",
        "not_allowed",
        "unknown_symbol",
    ]


def test_a_feeds_symbol_is_taken_and_a_simulated_one_gives_way(desk: Desk) -> None:
    gone = []
    bitcoin = desk.catalogue.add(AssetClass.CRYPTO, "BTCUSD", decimals=2)
    ether = desk.catalogue.add(AssetClass.CRYPTO, "ETHUSD", decimals=2)
    desk.claims.claim(bitcoin, "replay:day.csv")
    desk.claims.claim_yielding(ether, gone.append)
    answer = desk.publish(batch(1, quote("BTCUSD"), quote("ETHUSD"), quote("ETHUSD")))
    assert [result.get("code") for result in answer["results"]] == ["symbol_taken", None, None]
    assert gone == [ether]


def test_a_full_catalogue_is_said_row_by_row(desk: Desk) -> None:
    answer = desk.publish(batch(1, *(quote(f"C{n}") for n in range(60))))
    codes = [result.get("code") for result in answer["results"]]
    assert codes == [None] * 49 + ["too_many_instruments"] * 11


def test_a_repeated_batch_gets_the_same_answer_and_changes_nothing(desk: Desk) -> None:
    message = batch(5, quote(), quote(bid="oops"), quote("ETHUSD"))
    first = desk.publish(message)
    again = desk.publish(json.dumps(message, indent=2).encode())
    assert again == first
    assert desk.tape.log.next_offset == 6, "three rows and three definitions, once"
    assert desk.publisher.repeated == 1


@pytest.mark.parametrize(
    ("number", "row", "status", "code"),
    [
        (5, quote(bid="1"), 409, "batch_conflict"),
        (4, quote(), 409, "batch_out_of_order"),
    ],
)
def test_what_breaks_the_order_is_refused_whole(
    desk: Desk, number: int, row: dict[str, Any], status: int, code: str
) -> None:
    desk.publish(batch(3, quote()))
    desk.publish(batch(5, quote()))
    before = desk.tape.log.next_offset
    with pytest.raises(BatchRefusedError) as refused:
        desk.publish(batch(number, row))
    assert (refused.value.status, refused.value.code) == (status, code)
    assert desk.tape.log.next_offset == before


def in_turns(desk: Desk, message: dict[str, Any]) -> Iterator[Any]:
    decoded = decode_batch(json.dumps(message).encode(), most_quotes=10_000)
    return desk.publisher.in_turns(decoded, key_id=KEY, grant=EVERYTHING)


def test_a_large_batch_lets_others_have_their_turn_and_is_one_block() -> None:
    """10,000 quotes held the loop for 90 ms."""
    desk = Desk(None, quotes=2_000)
    turns = in_turns(desk, batch(1, *[quote()] * 1_200))
    assert [next(turns) for _ in range(3)] == [None, None, None]
    assert desk.tape.log.next_offset == 0
    answer = next(turns)
    assert answer.results[-1].position == f"{desk.tape.epoch}:1200"
    (block,) = desk.tape.log.stamped()
    assert block.slots == 1_200 + 2, "and two definitions"


def test_a_batch_that_comes_again_while_it_is_read_is_taken_once(desk: Desk) -> None:
    message = batch(5, quote(), quote("ETHUSD"))
    turns = in_turns(desk, message)
    assert next(turns) is None
    meanwhile = desk.publish(message)
    assert msgspec.json.decode(published(next(turns))) == meanwhile
    assert (desk.publisher.batches, desk.publisher.repeated) == (1, 1)

    overtaken = in_turns(desk, batch(6, quote()))
    assert next(overtaken) is None
    desk.publish(batch(7, quote()))
    with pytest.raises(BatchRefusedError) as refused:
        next(overtaken)
    assert refused.value.code == "batch_out_of_order"


def test_numbers_belong_to_a_key_and_a_producer(desk: Desk) -> None:
    desk.publish(batch(5, quote()))
    desk.publish(batch(1, quote(), producer="p2"))
    desk.publish(batch(1, quote()), key="other")
    assert desk.publisher.batches == 3


def test_a_key_has_so_many_producers(desk: Desk) -> None:
    for n in range(3):
        desk.publish(batch(1, quote(), producer=f"p{n}"))
    with pytest.raises(BatchRefusedError) as refused:
        desk.publish(batch(1, quote(), producer="p3"))
    assert refused.value.code == "too_many_producers"
    desk.publish(batch(2, quote(), producer="p0"))


def test_a_batch_has_so_many_quotes(desk: Desk) -> None:
    with pytest.raises(BatchRefusedError) as refused:
        desk.publish(batch(1, *[quote()] * 101))
    assert (refused.value.status, refused.value.code) == (413, "too_many_quotes")


def test_a_start_later_a_repeated_batch_still_gets_the_same_answer(lasting: Desk) -> None:
    message = batch(7, quote(), quote(bid="oops"), quote("NEWCOIN"))
    first = lasting.publish(message)
    lasting.start()
    assert lasting.publish(message) == first
    with pytest.raises(BatchRefusedError) as refused:
        lasting.publish(batch(7, quote(bid="2")))
    assert refused.value.code == "batch_conflict"
    with pytest.raises(BatchRefusedError) as refused:
        lasting.publish(batch(6, quote()))
    assert refused.value.code == "batch_out_of_order"
    answer = lasting.publish(batch(8, quote()))
    assert answer["results"][0]["position"].endswith(":2")


def test_while_the_log_fails_quotes_are_streamed_and_not_called_stored(desk: Desk) -> None:
    desk.log.refuse = True
    first = desk.publish(batch(1, quote()))
    assert first["stored"] is False
    assert first["results"][0]["position"].endswith(":1")
    assert desk.publish(batch(1, quote())) == first
    desk.log.refuse = False
    assert desk.publish(batch(1, quote())) == first
    answer = desk.publish(batch(2, quote()))
    assert (answer["stored"], answer["results"][0]["position"][-2:]) == (True, ":2")


def test_a_flood_of_objects_is_refused_before_it_is_decoded() -> None:
    text = b'{"producer": "p", "batch": 1, "quotes": [' + b"{}," * 5_000 + b"{}]}"
    with pytest.raises(MessageError) as refused:
        decode_batch(text, most_quotes=100)
    assert refused.value.code == "message_too_large"


def test_an_empty_batch_is_a_batch(lasting: Desk) -> None:
    first = lasting.publish(batch(1))
    assert first["results"] == []
    lasting.start()
    assert lasting.publish(batch(1)) == first
