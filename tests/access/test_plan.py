"""The table of plans."""

import pytest

from tradewatch.access.plan import PLANS, plan_named
from tradewatch.errors import KeyStoreError
from tradewatch.model.asset_class import AssetClass


def test_the_built_in_plans():
    assert list(PLANS) == ["demo", "standard", "unlimited"]
    assert [plan.name for plan in PLANS.values()] == list(PLANS)
    assert [plan.connections for plan in PLANS.values()] == [10, 10, None]
    assert [plan.attempts_limited for plan in PLANS.values()] == [True, True, False]
    for plan in PLANS.values():
        assert plan.symbols == 10_000
        assert plan.asset_classes == frozenset(AssetClass)
        assert plan.wildcard
        assert plan.websocket


def test_a_plan_by_its_name():
    assert plan_named("standard") is PLANS["standard"]


@pytest.mark.parametrize("name", ["gold", "", "Standard"])
def test_an_unknown_plan_names_those_there_are(name: str):
    with pytest.raises(KeyStoreError) as caught:
        plan_named(name)
    assert str(caught.value) == f"no plan is called {name!r}; the plans are demo, standard, unlimited"
