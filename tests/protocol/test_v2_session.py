"""The decisions of a v2 connection, without a socket: messages in, effects out."""

import json
from typing import Any

import msgspec
import pytest

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.delivery import EVERY, Latest
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.rights import EVERYTHING_HEARD, Rights
from tradewatch.protocol.suggestions import Suggestions
from tradewatch.protocol.v2.effects import (
    ChangeDelivery,
    ChangePatternDelivery,
    Effect,
    Send,
    Subscribe,
    SubscribePattern,
    Unsubscribe,
    UnsubscribePattern,
)
from tradewatch.protocol.v2.encoding import JSON, MSGPACK, Encoding
from tradewatch.protocol.v2.json import V2Json
from tradewatch.protocol.v2.msgpack import V2Msgpack
from tradewatch.protocol.v2.portions import MESSAGE_BYTES
from tradewatch.protocol.v2.session import V2Session
from tradewatch.reference.catalogue import Catalogue

NOW_NS = 1_704_067_261_000_000_000
EPOCH = "0mlcjp2x3"
SLOW = {"mode": "latest", "interval_ms": 250}


class Heads(dict[str, int]):
    """How far each symbol is, by its key."""

    def head(self, instrument: Instrument) -> int:
        return self.get(instrument.key, 0)


@pytest.fixture
def catalogue() -> Catalogue:
    filled = Catalogue(limit=20_000)
    for symbol in ("EURUSD", "GBPUSD", "USDJPY"):
        filled.add(AssetClass.CURRENCIES, symbol, decimals=5)
    filled.add(AssetClass.CRYPTO, "BTCUSD", decimals=2)
    filled.add(AssetClass.CRYPTO, "GOLD", decimals=2)
    filled.add(AssetClass.COMMODITIES, "GOLD", decimals=2)
    return filled


def session(
    catalogue: Catalogue,
    heads: dict[str, int] | None = None,
    *,
    scope: AssetClass | None = None,
    encoding: Encoding = JSON,
    rights: Rights = EVERYTHING_HEARD,
    **limits: Any,
) -> V2Session:
    return V2Session(
        catalogue,
        Heads(heads or {}),
        Suggestions(catalogue),
        name="s-1",
        epoch=EPOCH,
        scope=scope,
        limits=ConnectionLimits(**limits),
        encoding=encoding,
        heartbeat_s=5.0,
        rights=rights,
    )


def say(one: V2Session, *messages: object) -> list[Effect]:
    return one.receive([json.dumps(message).encode() for message in messages], now_ns=NOW_NS)


def sent(effects: list[Effect]) -> list[Any]:
    """The events as a client reads them."""
    return [
        json.loads(msgspec.json.encode(event))
        for effect in effects
        if isinstance(effect, Send)
        for event in effect.events
    ]


def decided(effects: list[Effect]) -> list[Effect]:
    """What else is to be done."""
    return [effect for effect in effects if not isinstance(effect, Send)]


def subscribe(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"action": "subscribe", "symbols": list(symbols), **more}


def unsubscribe(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"action": "unsubscribe", "symbols": list(symbols), **more}


def find(catalogue: Catalogue, *keys: str) -> list[Instrument]:
    found = []
    for key in keys:
        class_name, _, symbol = key.partition(":")
        instrument = catalogue.get(AssetClass(class_name), symbol)
        assert instrument is not None
        found.append(instrument)
    return found


def result(key: str, seq: int, **more: Any) -> dict[str, Any]:
    """What is said of a symbol that is heard."""
    class_name, _, symbol = key.partition(":")
    return {
        "asset_class": class_name,
        "symbol": symbol,
        "ok": True,
        "epoch": EPOCH,
        "seq": seq,
        "state": "unknown",
        "delivery": {"mode": "every"},
    } | more


def test_the_welcome_says_who_and_when_and_what_binds(catalogue: Catalogue) -> None:
    (welcome,) = sent(session(catalogue, symbols=77).opening(now_ns=NOW_NS))
    limits = welcome.pop("limits")
    assert welcome == {
        "event": "welcome",
        "session": "s-1",
        "server_time_ns": "1704067261000000000",
        "heartbeat_s": 5.0,
    }
    assert limits == msgspec.to_builtins(ConnectionLimits(symbols=77))
    assert limits["symbols"] == 77


def test_a_snapshot_follows_so_the_client_stands_before_it(catalogue: Catalogue) -> None:
    one = session(catalogue, {"currencies:EURUSD": 41})
    effects = say(one, subscribe("EURUSD", "GBPUSD", id=7))
    assert sent(effects) == [
        {
            "event": "subscribed",
            "id": 7,
            "results": [result("currencies:EURUSD", 40), result("currencies:GBPUSD", 0)],
        }
    ]
    wanted = find(catalogue, "currencies:EURUSD", "currencies:GBPUSD")
    assert decided(effects) == [Subscribe(wanted, EVERY, snapshot=True)]
    assert isinstance(effects[0], Send), "the answer stands before any quote"


def test_without_a_snapshot_the_client_stands_at_the_newest(catalogue: Catalogue) -> None:
    one = session(catalogue, {"currencies:EURUSD": 41})
    effects = say(one, subscribe("eurusd", "EurUsd", snapshot=False, delivery=SLOW, id="a"))
    delivery = {"mode": "latest", "interval_ms": 250}
    assert sent(effects) == [
        {"event": "subscribed", "id": "a", "results": [result("currencies:EURUSD", 41, delivery=delivery)]}
    ]
    wanted = find(catalogue, "currencies:EURUSD")
    assert decided(effects) == [Subscribe(wanted, Latest(250), snapshot=False)]


def test_a_second_subscribe_changes_the_delivery_in_place(catalogue: Catalogue) -> None:
    one = session(catalogue, {"currencies:EURUSD": 41})
    say(one, subscribe("EURUSD"))
    wanted = find(catalogue, "currencies:EURUSD")
    effects = say(one, subscribe("EURUSD", delivery={"mode": "latest", "interval_ms": 60}))
    assert effects[0] == ChangeDelivery(wanted, Latest(100)), "what is pending goes before the answer"
    (answer,) = sent(effects[1:])
    delivery = {"mode": "latest", "interval_ms": 100}
    assert answer["results"] == [result("currencies:EURUSD", 41, delivery=delivery)]
    assert len(effects) == 2
    assert one.delivery_of(wanted[0]) == Latest(100)
    again = say(one, subscribe("EURUSD", delivery={"mode": "latest", "interval_ms": 100}))
    assert decided(again) == []
    assert sent(again) == [answer]


def test_the_last_position_is_told_when_it_is_over(catalogue: Catalogue) -> None:
    one = session(catalogue, {"currencies:EURUSD": 41})
    say(one, subscribe("EURUSD"))
    effects = say(one, unsubscribe("EURUSD", "GBPUSD", id=8))
    assert effects[0] == Unsubscribe(find(catalogue, "currencies:EURUSD"))
    over = [result("currencies:EURUSD", 41), result("currencies:GBPUSD", 0)]
    for each in over:
        del each["delivery"]
    assert sent(effects[1:]) == [{"event": "unsubscribed", "id": 8, "results": over}]
    assert one.names == []


def test_what_is_wrong_stands_in_its_place_among_the_results(catalogue: Catalogue) -> None:
    effects = say(
        session(catalogue),
        subscribe("EURUSX", "EURUSD", "GOLD", "cryptos:BTCUSD", "crypto:BTCUSX", "%", "X" * 100),
    )
    (answer,) = sent(effects)
    assert answer["results"] == [
        {"symbol": "EURUSX", "ok": False, "code": "unknown_symbol", "suggestions": ["currencies:EURUSD"]},
        result("currencies:EURUSD", 0),
        {
            "symbol": "GOLD",
            "ok": False,
            "code": "ambiguous_symbol",
            "suggestions": ["crypto:GOLD", "commodities:GOLD"],
        },
        {
            "symbol": "cryptos:BTCUSD",
            "ok": False,
            "code": "unknown_symbol",
            "suggestions": ["crypto:BTCUSD", "currencies:GBPUSD"],
        },
        {"symbol": "crypto:BTCUSX", "ok": False, "code": "unknown_symbol", "suggestions": ["crypto:BTCUSD"]},
        {"symbol": "%", "ok": False, "code": "unknown_symbol"},
        {"symbol": "X" * 64, "ok": False, "code": "unknown_symbol"},
    ]


def test_on_a_class_path_names_are_bare(catalogue: Catalogue) -> None:
    one = session(catalogue, scope=AssetClass.CURRENCIES)
    (answer,) = sent(say(one, subscribe("currencies:EURUSD", "crypto:BTCUSD", "GBPUSX")))
    assert answer["results"][0] == result("currencies:EURUSD", 0)
    assert answer["results"][1] == {"symbol": "crypto:BTCUSD", "ok": False, "code": "unknown_symbol"}
    assert answer["results"][2]["suggestions"] == ["GBPUSD"]
    (answer,) = sent(say(one, subscribe("*")))
    assert [each.get("via") for each in answer["results"]] == [None, None, "*", "*"]
    status = {"event": "status", "patterns": ["*"], "symbols": ["EURUSD"]}
    assert sent(say(one, {"action": "status"})) == [status]


def test_only_the_first_five_unknown_names_get_suggestions(catalogue: Catalogue) -> None:
    (answer,) = sent(say(session(catalogue), subscribe(*(f"EURUS{number}" for number in range(9)))))
    assert ["suggestions" in each for each in answer["results"]] == [True] * 5 + [False] * 4


def test_a_pattern_is_answered_with_each_of_its_members(catalogue: Catalogue) -> None:
    one = session(catalogue, {"crypto:BTCUSD": 9})
    effects = say(one, subscribe("crypto:*"))
    (answer,) = sent(effects)
    assert answer["results"] == [
        {"symbol": "crypto:*", "ok": True, "delivery": {"mode": "every"}, "matched": 2},
        result("crypto:BTCUSD", 8, via="crypto:*"),
        result("crypto:GOLD", 0, via="crypto:*"),
    ]
    assert decided(effects) == [SubscribePattern((AssetClass.CRYPTO,), EVERY, snapshot=True)]


def test_the_most_specific_decides_and_what_is_heard_gets_no_second_snapshot(catalogue: Catalogue) -> None:
    one = session(catalogue, {"crypto:BTCUSD": 9, "crypto:GOLD": 5, "currencies:EURUSD": 3})
    bitcoin, gold = find(catalogue, "crypto:BTCUSD", "crypto:GOLD")
    say(one, subscribe("crypto:BTCUSD"))

    effects = say(one, subscribe("*", delivery=SLOW))
    assert decided(effects) == [SubscribePattern(tuple(AssetClass), Latest(250), snapshot=True)]
    by_symbol = {each["symbol"]: each for each in sent(effects)[0]["results"] if "seq" in each}
    assert by_symbol["BTCUSD"] == result("crypto:BTCUSD", 9)
    assert by_symbol["EURUSD"]["seq"] == 2
    assert by_symbol["EURUSD"]["via"] == "*"

    effects = say(one, subscribe("crypto:*"))
    assert decided(effects) == [ChangePatternDelivery((AssetClass.CRYPTO,), EVERY)]
    assert [each.get("seq") for each in sent(effects)[0]["results"]] == [None, 9, 5]
    assert (one.delivery_of(bitcoin), one.delivery_of(gold)) == (EVERY, EVERY)

    effects = say(one, subscribe("crypto:GOLD", delivery=SLOW))
    assert decided(effects) == [ChangeDelivery([gold], Latest(250))]
    assert one.delivery_of(gold) == Latest(250)

    effects = say(one, unsubscribe("crypto:*"))
    assert decided(effects) == [ChangePatternDelivery((AssetClass.CRYPTO,), Latest(250))]
    assert (one.delivery_of(bitcoin), one.delivery_of(gold)) == (EVERY, Latest(250))

    effects = say(one, unsubscribe("crypto:BTCUSD"))
    assert decided(effects) == [Unsubscribe([bitcoin])]
    still = result("crypto:BTCUSD", 9, via="*", delivery=SLOW)
    assert sent(effects)[0]["results"] == [still], "the pattern still brings it, and the answer says how"

    effects = say(one, unsubscribe("*"))
    assert decided(effects) == [UnsubscribePattern(tuple(AssetClass))]
    heard = [each["symbol"] for each in sent(effects)[0]["results"] if "delivery" in each]
    assert heard == ["GOLD"]
    assert one.names == ["crypto:GOLD"]


def test_a_name_that_a_pattern_brings_becomes_independent_of_it(catalogue: Catalogue) -> None:
    one = session(catalogue, {"crypto:BTCUSD": 9})
    (bitcoin,) = find(catalogue, "crypto:BTCUSD")
    say(one, subscribe("crypto:*"))
    effects = say(one, subscribe("BTCUSD"))
    assert decided(effects) == [ChangeDelivery([bitcoin], EVERY)]
    assert sent(effects)[0]["results"] == [result("crypto:BTCUSD", 9)]
    say(one, unsubscribe("crypto:*"))
    assert one.delivery_of(bitcoin) == EVERY


def test_one_message_may_hold_names_and_the_pattern_that_covers_them(catalogue: Catalogue) -> None:
    one = session(catalogue, {"crypto:BTCUSD": 9})
    effects = say(one, subscribe("crypto:*", "crypto:BTCUSD"))
    assert decided(effects) == [
        Subscribe(find(catalogue, "crypto:BTCUSD"), EVERY, snapshot=True),
        SubscribePattern((AssetClass.CRYPTO,), EVERY, snapshot=True),
    ]
    seqs = [(each["symbol"], each.get("seq")) for each in sent(effects)[0]["results"]]
    assert seqs == [("crypto:*", None), ("BTCUSD", 8), ("GOLD", 0), ("BTCUSD", 8)]


def test_what_a_pattern_covers_cannot_be_given_up_alone(catalogue: Catalogue) -> None:
    one = session(catalogue)
    say(one, subscribe("*"))
    effects = say(one, unsubscribe("EURUSD", "crypto:*", id=1))
    assert effects == [effects[0]]
    assert sent(effects)[0]["results"] == [
        {"symbol": "currencies:EURUSD", "ok": False, "code": "covered_by_pattern"},
        {"symbol": "crypto:*", "ok": False, "code": "covered_by_pattern"},
    ]


def test_a_pattern_that_was_not_subscribed_is_given_up_without_ado(catalogue: Catalogue) -> None:
    effects = say(session(catalogue), unsubscribe("crypto:*", "*"))
    assert sent(effects)[0]["results"] == [
        {"symbol": "crypto:*", "ok": True, "matched": 0},
        {"symbol": "*", "ok": True, "matched": 0},
    ]
    assert decided(effects) == []


def test_patterns_need_the_plan(catalogue: Catalogue) -> None:
    (answer,) = sent(say(session(catalogue, rights=Rights(wildcard=False)), subscribe("*", "EURUSD")))
    assert answer["results"] == [
        {"symbol": "*", "ok": False, "code": "wildcard_not_included"},
        result("currencies:EURUSD", 0),
    ]


def test_limits_name_what_was_left_out(catalogue: Catalogue) -> None:
    one = session(catalogue, symbols=2, symbols_per_message=3)
    (answer,) = sent(say(one, subscribe("EURUSD", "*", "GBPUSD")))
    codes = [each.get("code") for each in answer["results"]]
    assert codes == [None, "too_many_symbols", None]
    assert one.names == ["currencies:EURUSD", "currencies:GBPUSD"]
    (error,) = sent(say(one, subscribe("A", "B", "C", "D", id="big")))
    assert (error["event"], error["code"], error["id"]) == ("error", "too_many_symbols", "big")
    say(one, unsubscribe("EURUSD", "GBPUSD"))
    assert decided(say(one, subscribe("crypto:*"))) != []


def test_a_new_member_of_a_pattern_is_announced_before_its_first_quote(catalogue: Catalogue) -> None:
    one = session(catalogue)
    say(one, subscribe("crypto:*", delivery=SLOW))
    dogecoin = catalogue.add(AssetClass.CRYPTO, "DOGEUSD", decimals=5)
    heard, events = one.appeared(dogecoin)
    assert heard
    assert sent([Send(events)]) == [
        {"event": "subscribed", "results": [result("crypto:DOGEUSD", 0, via="crypto:*", delivery=SLOW)]}
    ]
    assert one.delivery_of(dogecoin) == Latest(250)
    assert one.appeared(catalogue.add(AssetClass.STOCKS, "AAPL", decimals=2)) == (False, [])


def test_growth_past_the_limit_is_left_out_by_name(catalogue: Catalogue) -> None:
    one = session(catalogue, symbols=3)
    say(one, subscribe("crypto:*"))
    assert one.appeared(catalogue.add(AssetClass.CRYPTO, "DOGEUSD", decimals=5)).heard
    late = catalogue.add(AssetClass.CRYPTO, "XRPUSD", decimals=5)
    heard, events = one.appeared(late)
    (error,) = sent([Send(events)])
    assert (heard, error["event"], error["code"]) == (False, "error", "too_many_symbols")
    assert error["symbols"] == ["crypto:XRPUSD"]
    assert one.delivery_of(late) is None
    (answer,) = sent(say(one, subscribe("crypto:*")))
    assert [each["symbol"] for each in answer["results"]] == ["crypto:*", "BTCUSD", "GOLD", "DOGEUSD"]
    assert answer["results"][0]["matched"] == 3
    (answer,) = sent(say(one, unsubscribe("XRPUSD")))
    assert "delivery" not in answer["results"][0], "nobody brings it, so there is nothing to give up"
    (answer,) = sent(say(one, unsubscribe("crypto:*"), subscribe("XRPUSD")))[1:]
    assert answer["results"] == [result("crypto:XRPUSD", 0)]
    assert one.delivery_of(late) == EVERY


def test_what_was_left_out_comes_in_once_no_pattern_had_brought_its_class(catalogue: Catalogue) -> None:
    one = session(catalogue, symbols=9)
    say(one, subscribe("*", "crypto:*"))
    late = catalogue.add(AssetClass.CRYPTO, "XRPUSD", decimals=5)
    assert one.appeared(late).heard
    later = catalogue.add(AssetClass.CRYPTO, "DOGEUSD", decimals=5)
    assert not one.appeared(later).heard
    say(one, unsubscribe("crypto:*"))
    assert one.delivery_of(later) is None, "everything still brings the class, without it"
    assert one.delivery_of(late) == EVERY
    say(one, unsubscribe("*"), subscribe("crypto:*"))
    assert one.delivery_of(later) == EVERY


def test_what_a_pattern_has_grown_by_is_freed_with_it(catalogue: Catalogue) -> None:
    one = session(catalogue, symbols=3)
    say(one, subscribe("crypto:*"))
    assert one.appeared(catalogue.add(AssetClass.CRYPTO, "XRPUSD", decimals=5)).heard
    say(one, unsubscribe("crypto:*"))
    (answer,) = sent(say(one, subscribe("currencies:*")))
    assert answer["results"][0] == {
        "symbol": "currencies:*",
        "ok": True,
        "delivery": {"mode": "every"},
        "matched": 3,
    }
    (status,) = sent(say(one, {"action": "status"}))
    assert status["patterns"] == ["currencies:*"]


def test_what_every_connection_keeps_is_shared_where_it_can_be(catalogue: Catalogue) -> None:
    first, second = session(catalogue), session(catalogue)
    for one in (first, second):
        say(one, subscribe("currencies:EURUSD", "GBPUSD"))
    assert all(mine is theirs for mine, theirs in zip(first.names, second.names, strict=True))
    assert not hasattr(first, "__dict__")


def test_ping_and_status_carry_the_id(catalogue: Catalogue) -> None:
    one = session(catalogue)
    say(one, subscribe("EURUSD", "crypto:*"))
    assert sent(say(one, {"action": "ping", "id": 3}, {"action": "status", "id": 4}, {"action": "ping"})) == [
        {"event": "pong", "id": 3, "timestamp": "1704067261000"},
        {"event": "status", "id": 4, "patterns": ["crypto:*"], "symbols": ["currencies:EURUSD"]},
        {"event": "pong", "timestamp": "1704067261000"},
    ]


def test_resume_has_a_place_but_no_effect_yet(catalogue: Catalogue) -> None:
    (error,) = sent(say(session(catalogue), {"action": "resume", "id": 5, "positions": {}}))
    assert (error["event"], error["code"], error["id"]) == ("error", "unknown_action", 5)


@pytest.mark.parametrize("encoding", [JSON, MSGPACK], ids=["json", "msgpack"])
def test_a_message_that_cannot_be_read_is_an_error_and_the_next_is_answered(
    catalogue: Catalogue, encoding: Encoding
) -> None:
    one = session(catalogue, encoding=encoding)
    bad = encoding.encode({"action": "subscribe", "symbols": "EURUSD", "id": 6})
    good = encoding.encode(subscribe("EURUSD"))
    error, answer = sent(one.receive([bad, good], now_ns=NOW_NS))
    assert (error["event"], error["code"], error["id"]) == ("error", "invalid_message", 6)
    assert answer["results"] == [result("currencies:EURUSD", 0)]


@pytest.mark.parametrize(
    ("encoding", "dialect"), [(JSON, V2Json({}.get)), (MSGPACK, V2Msgpack({}.get))], ids=["json", "msgpack"]
)
def test_long_answers_come_in_parts_that_fit(
    catalogue: Catalogue, encoding: Encoding, dialect: V2Json | V2Msgpack
) -> None:
    for number in range(9_500):
        catalogue.add(AssetClass.STOCKS, f"A-VERY-LONG-SYMBOL-{number:05d}-END", decimals=2)
    members = [instrument.symbol for instrument in catalogue.members(AssetClass.STOCKS)]
    one = session(catalogue, encoding=encoding, scope=AssetClass.STOCKS, symbols=30_000)
    turns: list[tuple[dict[str, Any], str]] = [
        (subscribe("*", id="x" * 64), "results"),
        (subscribe(*members[:5_000], id=1), "results"),
        (subscribe(*members[5_000:], id=2), "results"),
        ({"action": "status", "id": 3}, "symbols"),
        (unsubscribe("*", id=4), "results"),
    ]
    for message, field in turns:
        effects = one.receive([encoding.encode(message)], now_ns=NOW_NS)
        parts = [event for effect in effects if isinstance(effect, Send) for event in effect.events]
        bodies = [dialect.event(part) for part in parts]
        assert all(len(payload) <= MESSAGE_BYTES for payload in dialect.payloads(bodies))
        assert all(len(dialect.array([body])) <= MESSAGE_BYTES for body in bodies)
        assert all(len(body) > MESSAGE_BYTES * 0.95 for body in bodies[:-1]), "no more parts than needed"
        heard = [msgspec.to_builtins(part) for part in parts]
        assert len(heard) > 1
        assert [(part["id"], part["part"], part["parts"]) for part in heard] == [
            (message["id"], number, len(heard)) for number in range(1, len(heard) + 1)
        ]
        listed = [each for part in heard for each in part[field]]
        if field == "results":
            listed = [each["symbol"] for each in listed if each["symbol"] != "*"]
        assert listed == (members if message.get("symbols", ["*"]) == ["*"] else message["symbols"])
