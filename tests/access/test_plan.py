"""The table of plans."""

from typing import Any

import msgspec
import pytest

from tradewatch.access.plan import MAX_PLANS, Plan, Plans
from tradewatch.errors import KeyStoreError, SettingError
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.limits import ConnectionLimits


def test_the_built_in_plans():
    plans = list(Plans())
    assert [plan.name for plan in plans] == ["demo", "standard", "unlimited"]
    assert [plan.connections for plan in plans] == [10, 10, None]
    assert [plan.attempts_limited for plan in plans] == [True, True, False]
    assert [plan.requests_per_10_s for plan in plans] == [2_000, 2_000, None]
    assert [plan.requests_per_minute for plan in plans] == [6_000, 6_000, None]
    assert [plan.requests_per_day for plan in plans] == [1_000_000, 1_000_000, None]
    for plan in plans:
        assert plan.binds(ConnectionLimits()) == ConnectionLimits()
        assert plan.asset_classes == frozenset(AssetClass)
        assert plan.websocket
        assert plan.rest
        assert plan.history


def test_a_plan_by_its_name():
    assert Plans().named("standard").name == "standard"
    assert Plans().get("gold") is None


@pytest.mark.parametrize("name", ["gold", "", "Standard"])
def test_an_unknown_plan_names_those_there_are(name: str):
    with pytest.raises(KeyStoreError) as caught:
        Plans().named(name)
    assert str(caught.value) == f"no plan is called {name!r}; the plans are demo, standard, unlimited"


def test_a_table_of_the_settings_says_what_differs_from_standard():
    plans = Plans({"delayed": {"asset_classes": ["stocks"], "delay_s": 900, "wildcard": False}})
    assert plans.named("delayed") == Plan(
        name="delayed", asset_classes=frozenset([AssetClass.STOCKS]), delay_s=900.0, wildcard=False
    )
    assert [plan.name for plan in plans] == ["demo", "standard", "unlimited", "delayed"]


def test_a_table_may_replace_a_built_in_plan_and_keeps_what_it_does_not_say():
    plans = Plans({"unlimited": {"symbols": 5}})
    assert plans.named("unlimited") == msgspec.structs.replace(Plans().named("unlimited"), symbols=5)
    assert len(list(plans)) == 3


def test_the_tighter_of_plan_and_server_binds():
    limits = ConnectionLimits(symbols=100, messages_per_10_s=50)
    bound = Plan(name="p", symbols=200, messages_per_10_s=20, max_quotes_per_s=7, delay_s=3.0).binds(limits)
    assert (bound.symbols, bound.messages_per_10_s, bound.max_quotes_per_s, bound.delay_s) == (100, 20, 7, 3)


@pytest.mark.parametrize(
    ("wider", "narrower"),
    [
        ({}, {"asset_classes": frozenset([AssetClass.STOCKS])}),
        ({"connections": 3}, {"connections": 2}),
        ({"connections": None}, {"connections": 2}),
        ({"symbols": None}, {"symbols": 10_000}),
        ({"delay_s": 1.0}, {"delay_s": 2.0}),
        ({"attempts_limited": False}, {"attempts_limited": True}),
        *(({name: True}, {name: False}) for name in ("websocket", "wildcard", "rest", "history")),
        *(
            ({name: None}, {name: 5})
            for name in ("requests_per_10_s", "requests_per_day", "max_quotes_per_s")
        ),
    ],
)
def test_one_plan_is_beyond_another(wider: dict[str, Any], narrower: dict[str, Any]):
    more, less = Plan(name="more", **wider), Plan(name="less", **narrower)
    assert more.beyond(less) == list(wider or narrower)
    assert less.beyond(more) == []
    assert more.beyond(more) == []


def test_a_plan_may_be_beyond_another_and_short_of_it():
    quick, wide = Plan(name="quick", delay_s=0, connections=1), Plan(name="wide", delay_s=60, connections=9)
    assert quick.beyond(wide) == ["delay_s"]
    assert wide.beyond(quick) == ["connections"]
    assert Plans().named("demo").beyond(Plans().named("standard")) == []


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"gold": {"symbol": 5}}, "plans.gold: Object contains unknown field `symbol`"),
        ({"gold": {"symbols": 0}}, "plans.gold: Expected `int` >= 1 - at `$.symbols`"),
        ({"gold": {"symbols": "many"}}, "plans.gold: Expected `int | null`, got `str` - at `$.symbols`"),
        ({"gold": {"delay_s": -1}}, "plans.gold: Expected `float` >= 0.0 - at `$.delay_s`"),
        ({"gold": {"asset_classes": ["bonds"]}}, "plans.gold: Invalid enum value 'bonds'"),
        ({"gold": {"name": "silver"}}, "plans.gold.name: a plan is called as its table is"),
        ({"": {}}, "plans: '' is no name for a plan"),
        ({"a\nb": {}}, "plans: 'a\\nb' is no name for a plan"),
        ({str(number): {} for number in range(MAX_PLANS)}, "1,003 plans are more than 1,000"),
    ],
)
def test_a_table_that_does_not_fit_is_named(tables: dict[str, dict[str, object]], said: str):
    with pytest.raises(SettingError) as caught:
        Plans(tables)
    assert str(caught.value).startswith(said)
