"""The decisions of a v1 connection, without a socket: messages in, effects out."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.naming import Pattern
from tradewatch.protocol.rights import Rights
from tradewatch.protocol.session import Effect, Join, Leave, Send, Session, Snapshot
from tradewatch.reference.catalogue import Catalogue

NOW_NS = 1_704_067_261_000_000_000


@pytest.fixture
def catalogue() -> Catalogue:
    filled = Catalogue(limit=10_000)
    for symbol in ("EURUSD", "GBPUSD", "USDJPY"):
        filled.add(AssetClass.CURRENCIES, symbol, decimals=5)
    filled.add(AssetClass.CRYPTO, "BTCUSD", decimals=2)
    filled.add(AssetClass.CRYPTO, "GOLD", decimals=2)
    filled.add(AssetClass.COMMODITIES, "GOLD", decimals=2)
    return filled


def session(catalogue: Catalogue, scope: AssetClass | None = AssetClass.CURRENCIES, **limits: Any) -> Session:
    return Session(catalogue, scope=scope, limits=ConnectionLimits(**limits))


def say(session: Session, *messages: object) -> list[Effect]:
    return session.receive([json.dumps(message).encode() for message in messages], now_ns=NOW_NS)


def sent(effects: list[Effect]) -> list[Any]:
    return [json.loads(effect.payload) for effect in effects if isinstance(effect, Send)]


def names(effects: list[Effect], kind: type[Join | Leave | Snapshot]) -> list[str]:
    found: list[str] = []
    for effect in effects:
        if isinstance(effect, kind):
            found += [
                interest.key if isinstance(interest, Instrument) else "*" for interest in effect.interests
            ]
    return found


def status(*symbols: str) -> dict[str, Any]:
    return {"event": "status", "symbols": list(symbols)}


def subscribe(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"action": "subscribe", "symbols": list(symbols), **more}


def unsubscribe(*symbols: str) -> dict[str, Any]:
    return {"action": "unsubscribe", "symbols": list(symbols)}


def test_the_quickstart_of_the_public_service(catalogue: Catalogue) -> None:
    one = session(catalogue)
    assert sent(one.opening()) == [status()]
    effects = say(one, subscribe("EURUSD", "GBPUSD"))
    assert sent(effects) == [status("EURUSD", "GBPUSD")]
    assert names(effects, Join) == ["currencies:EURUSD", "currencies:GBPUSD"]
    effects = say(one, unsubscribe("EURUSD"))
    assert sent(effects) == [status("GBPUSD")]
    assert names(effects, Leave) == ["currencies:EURUSD"]


def test_the_status_stands_before_the_join_and_the_leave_before_the_status(catalogue: Catalogue) -> None:
    one = session(catalogue)
    assert [type(effect) for effect in say(one, subscribe("EURUSD", snapshot=True))] == [Send, Join, Snapshot]
    assert [type(effect) for effect in say(one, unsubscribe("EURUSD"))] == [Leave, Send]


def test_order_is_the_order_requested_and_a_repeated_symbol_counts_once(catalogue: Catalogue) -> None:
    one = session(catalogue)
    say(one, subscribe("usdjpy", "EURUSD", "UsdJpy"))
    assert sent(say(one, subscribe("GBPUSD", "EURUSD"))) == [status("USDJPY", "EURUSD", "GBPUSD")]


def test_what_is_valid_takes_effect_and_what_is_not_is_named(catalogue: Catalogue) -> None:
    effects = say(session(catalogue), subscribe("EURUSD", "EURUSX", "BTCUSD", 'a"b\n', "X" * 40))
    error, after = sent(effects)
    assert error["event"] == "error"
    assert error["code"] == "unknown_symbol"
    assert error["symbols"] == ["EURUSX", "BTCUSD", 'a"b\n', "X" * 40]
    assert after == status("EURUSD")
    assert names(effects, Join) == ["currencies:EURUSD"]


def test_at_the_root_names_are_canonical_and_a_bare_one_may_be_ambiguous(catalogue: Catalogue) -> None:
    root = session(catalogue, scope=None)
    error, after = sent(say(root, subscribe("eurusd", "crypto:btcusd", "GOLD", "COMMODITIES:gold")))
    assert error["code"] == "ambiguous_symbol"
    assert error["symbols"] == ["GOLD"]
    assert "crypto:GOLD" in error["message"]
    assert "commodities:GOLD" in error["message"]
    assert after == status("currencies:EURUSD", "crypto:BTCUSD", "commodities:GOLD")


def test_a_class_path_takes_its_own_class_by_name_and_no_other(catalogue: Catalogue) -> None:
    error, after = sent(say(session(catalogue), subscribe("currencies:EURUSD", "crypto:BTCUSD")))
    assert (error["code"], error["symbols"]) == ("unknown_symbol", ["crypto:BTCUSD"])
    assert after == status("EURUSD")


def test_patterns_are_listed_as_asked_and_cover_what_they_name(catalogue: Catalogue) -> None:
    root = session(catalogue, scope=None)
    effects = say(root, subscribe("crypto:*", "EURUSD"))
    assert sent(effects) == [status("crypto:*", "currencies:EURUSD")]
    assert effects[1] == Join([Pattern((AssetClass.CRYPTO,)), catalogue.get(AssetClass.CURRENCIES, "EURUSD")])
    error, after = sent(say(root, unsubscribe("crypto:BTCUSD", "EURUSD")))
    assert (error["code"], error["symbols"]) == ("covered_by_pattern", ["crypto:BTCUSD"])
    assert after == status("crypto:*")
    assert sent(say(root, subscribe("*"), unsubscribe("crypto:*"))) == [status("crypto:*", "*"), status("*")]
    assert root.classes == set(AssetClass)


def test_patterns_need_the_plan(catalogue: Catalogue) -> None:
    plain = Session(catalogue, scope=None, limits=ConnectionLimits(), rights=Rights(wildcard=False))
    error, after = sent(say(plain, subscribe("*", "EURUSD")))
    assert (error["code"], error["symbols"]) == ("wildcard_not_included", ["*"])
    assert after == status("currencies:EURUSD")


def test_limits_name_what_was_left_out(catalogue: Catalogue) -> None:
    small = session(catalogue, symbols=2, symbols_per_message=3)
    error, after = sent(say(small, subscribe("EURUSD", "GBPUSD", "USDJPY")))
    assert (error["code"], error["symbols"]) == ("too_many_symbols", ["USDJPY"])
    assert after == status("EURUSD", "GBPUSD")
    error, after = sent(say(small, unsubscribe("EURUSD", "GBPUSD", "USDJPY", "X")))
    assert error["code"] == "too_many_symbols"
    assert after == status("EURUSD", "GBPUSD")
    assert sent(say(small, unsubscribe("EURUSD"), subscribe("USDJPY")))[-1] == status("GBPUSD", "USDJPY")


def test_a_pattern_counts_as_its_members(catalogue: Catalogue) -> None:
    small = session(catalogue, symbols=2)
    error, after = sent(say(small, subscribe("*")))
    assert (error["code"], error["symbols"], after) == ("too_many_symbols", ["*"], status())


def test_ping_is_answered_with_the_time(catalogue: Catalogue) -> None:
    assert sent(say(session(catalogue), {"action": "ping", "more": 1})) == [
        {"event": "pong", "timestamp": "1704067261000"}
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"hello", "invalid_json"),
        (b"[" * 100_000, "invalid_message"),
        (b'{"action": "ping", "more": ' + b"[" * 100_000, "invalid_json"),
        (b'{"action": "subscribe", "symbols": ' + b"[" * 100_000, "invalid_message"),
        (b"[]", "invalid_message"),
        (b"5", "invalid_message"),
        (b"{}", "invalid_message"),
        (b'{"action": 5}', "invalid_message"),
        (b'{"action": "subscribe"}', "invalid_message"),
        (b'{"action": "subscribe", "symbols": "EURUSD"}', "invalid_message"),
        (b'{"action": "subscribe", "symbols": [1]}', "invalid_message"),
        (b'{"action": "subscribe", "symbols": ["EURUSD"], "snapshot": "yes"}', "invalid_message"),
        (b'{"action": "dance"}', "unknown_action"),
        (b'{"action": "dance", "symbols": 5}', "unknown_action"),
    ],
)
def test_what_is_no_message_is_an_error_and_nothing_else(
    catalogue: Catalogue, text: bytes, code: str
) -> None:
    one = session(catalogue)
    say(one, subscribe("EURUSD"))
    (error,) = sent(one.receive([text], now_ns=NOW_NS))
    assert (error["event"], error["code"]) == ("error", code)
    assert one.names == ["EURUSD"]


def test_above_a_thousand_symbols_one_read_owes_one_status(catalogue: Catalogue) -> None:
    for number in range(1_500):
        catalogue.add(AssetClass.STOCKS, f"S{number}", decimals=2)
    many = session(catalogue, scope=AssetClass.STOCKS)
    symbols = [f"S{number}" for number in range(1_500)]
    effects = say(many, *(subscribe(symbol) for symbol in symbols))
    answers = sent(effects)
    assert len(answers) == 1_001
    assert answers[-1] == status(*symbols)
    assert len(names(effects, Join)) == 1_500
    effects = say(many, subscribe("S0", snapshot=True), unsubscribe("S0"), unsubscribe("S1"))
    assert [type(effect) for effect in effects] == [Send, Snapshot, Leave, Leave, Send]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["subscribe", "unsubscribe"]),
            st.lists(st.sampled_from(["EURUSD", "GBPUSD", "USDJPY", "*", "NOPE"]), max_size=4),
        ),
        max_size=12,
    )
)
@settings(max_examples=300, deadline=None)
def test_effects_keep_the_listener_at_what_status_says(turns: list[tuple[str, list[str]]]) -> None:
    """Whoever carries the effects out in order hears exactly what the last status listed."""
    catalogue = Catalogue(limit=100)
    for symbol in ("EURUSD", "GBPUSD", "USDJPY"):
        catalogue.add(AssetClass.CURRENCIES, symbol, decimals=5)
    one = session(catalogue)
    heard: dict[str, None] = {}
    for action, symbols in turns:
        effects = say(one, {"action": action, "symbols": symbols})
        for name in names(effects, Leave):
            del heard[name]
        heard.update(dict.fromkeys(names(effects, Join)))
        listed = sent(effects)[-1]["symbols"]
        assert [name.rpartition(":")[2] for name in heard] == listed
