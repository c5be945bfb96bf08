"""Who asks for what, and how much that is."""

import json
from pathlib import Path

import pytest
from bench.scenario import SCENARIOS, Scenario, turns


def test_turns_fall_with_the_rank() -> None:
    assert turns(10) == [6, 3, 2, 2, 2, 1, 1, 1, 1, 1]


def test_all_symbols_owned_is_the_whole_rate_for_everybody() -> None:
    assert Scenario("all", "", rate=300, owned=7, sets=1, symbols=7, connections=4).wanted_per_s() == 1_200


@pytest.mark.parametrize(
    ("name", "sets"), [("own-500", 500), ("own-50", 500), ("grouped", 20), ("identical", 1)]
)
def test_sets_are_as_many_as_named(name: str, sets: int) -> None:
    subscriptions = SCENARIOS[name].subscriptions()
    assert len(subscriptions) == 500
    assert len({tuple(owned) for owned in subscriptions}) == sets
    assert {len(set(owned)) for owned in subscriptions} == {SCENARIOS[name].owned}


def test_the_headline_is_five_and_four_million_quotes_a_second() -> None:
    assert SCENARIOS["own-500"].wanted_per_s() == pytest.approx(5e6, rel=0.02)
    assert SCENARIOS["own-50"].wanted_per_s() == pytest.approx(4e6, rel=0.02)


def test_each_connection_has_its_line(tmp_path: Path) -> None:
    scenario = Scenario("small", "", rate=1, owned=2, sets=3, symbols=5, connections=6)
    lines = scenario.write_subscriptions(tmp_path / "lines").read_text().splitlines()
    assert [json.loads(line)["symbols"] for line in lines] == [
        [f"SYM{number:05d}" for number in owned] for owned in scenario.subscriptions()
    ]
