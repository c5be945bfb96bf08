"""Permits: what a plan, and a ticket, leave of everything."""

import pytest

from tradewatch.access.key import Key, mint
from tradewatch.access.permit import Permits
from tradewatch.access.plan import Plans
from tradewatch.access.tickets import Ticket, Tickets
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.refusal import Refusal
from tradewatch.protocol.rights import EVERYTHING_HEARD

CRYPTO, STOCKS, INDICES = AssetClass.CRYPTO, AssetClass.STOCKS, AssetClass.INDICES
PLANS = Plans(
    {
        "some": {"asset_classes": ["stocks", "crypto"], "symbols": 7, "delay_s": 3},
        "names": {"wildcard": False},
    }
)


@pytest.fixture
def permits() -> Permits:
    return Permits(PLANS, ConnectionLimits(symbols=100))


def key_on(plan: str) -> Key:
    return mint(name="one", plan=plan, now_ns=0)[0]


def ticket(**asked: object) -> Ticket:
    return Tickets().issue("k", now_s=0.0, **asked)[1]  # type: ignore[arg-type]


def test_a_plan_binds_and_its_classes_stand_in_their_usual_order(permits: Permits) -> None:
    key = key_on("some")
    permit = permits.of(key)
    assert permit is not None
    assert (permit.key, permit.plan.name, permit.ticket) == (key, "some", None)
    assert permit.limits == ConnectionLimits(symbols=7, delay_s=3.0)
    assert permit.rights.classes == (CRYPTO, STOCKS)
    assert (permit.rights.wildcard, permit.rights.allows) == (True, None)


def test_a_plan_without_bounds_hears_everything_by_the_one_value_for_it(permits: Permits) -> None:
    for name in ("demo", "standard", "unlimited"):
        permit = permits.of(key_on(name))
        assert permit is not None
        assert permit.rights is EVERYTHING_HEARD


def test_what_all_keys_of_a_plan_have_is_kept_once(permits: Permits) -> None:
    one, other = permits.of(key_on("some")), permits.of(key_on("some"))
    assert one is not None
    assert other is not None
    assert one.limits is other.limits
    assert one.rights is other.rights


def test_a_class_that_is_not_shown_is_refused(permits: Permits) -> None:
    permit = permits.of(key_on("some"))
    assert permit is not None
    assert permit.refusal_of(CRYPTO) is None
    assert permit.refusal_of(None) is None
    assert permit.refusal_of(INDICES) == Refusal(
        403, "plan_without_class", "plan 'some' does not show indices"
    )


def test_who_enters_has_a_permit_or_is_told_why_not(permits: Permits) -> None:
    key = key_on("names")
    assert permits.enter(key) == permits.of(key)
    assert permits.enter(key_on("gone")) == Refusal(
        403, "plan_unknown", "the server has no plan called 'gone', which this key is on"
    )


def test_a_plan_that_is_gone_permits_nothing(permits: Permits) -> None:
    assert permits.of(key_on("gold")) is None


def test_a_ticket_without_a_word_on_it_has_the_rights_of_its_key(permits: Permits) -> None:
    free = ticket(subject="visitor")
    permit = permits.of(key_on("some"), free)
    plain = permits.of(key_on("some"))
    assert permit is not None
    assert plain is not None
    assert permit.ticket is free
    assert permit.rights is plain.rights


def test_a_ticket_takes_classes_away_and_adds_none(permits: Permits) -> None:
    permit = permits.of(key_on("some"), ticket(classes=[CRYPTO, INDICES]))
    assert permit is not None
    assert (permit.rights.classes, permit.rights.wildcard) == ((CRYPTO,), True)
    nothing = permits.of(key_on("some"), ticket(classes=[INDICES]))
    assert nothing is not None
    assert nothing.rights.classes == ()


def test_a_ticket_for_symbols_leaves_those_and_no_pattern(permits: Permits) -> None:
    permit = permits.of(key_on("some"), ticket(symbols=["btc*"]))
    assert permit is not None
    assert (permit.rights.classes, permit.rights.wildcard) == ((CRYPTO, STOCKS), False)
    assert permit.rights.allows is not None
    assert permit.rights.allows(CRYPTO, "BTCUSD")
    assert not permit.rights.allows(CRYPTO, "ETHUSD")


def test_a_ticket_gives_no_right_that_its_plan_has_not(permits: Permits) -> None:
    permit = permits.of(key_on("names"), ticket(classes=[CRYPTO]))
    assert permit is not None
    assert (permit.rights.classes, permit.rights.wildcard) == ((CRYPTO,), False)
