"""Views: one hub for each delay that a plan has."""

import pytest

from tradewatch.access.plan import MAX_DELAYS
from tradewatch.clock import ManualClock
from tradewatch.errors import SettingError
from tradewatch.fanout.delayed import Delayed
from tradewatch.fanout.hub import Hub
from tradewatch.reference.catalogue import Catalogue
from tradewatch.server.stream.views import View, Views
from tradewatch.tape.memory import MemoryLog
from tradewatch.tape.past import Past
from tradewatch.tape.tape import Tape


class Maker:
    """Makes delayed views of an empty tape, and writes down which."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.catalogue = Catalogue(limit=10)
        log = MemoryLog(clock=self.clock)
        self.tape = Tape(log, log.recovered, catalogue=self.catalogue, clock=self.clock)
        self.made: list[float] = []
        self.closed: list[Delayed] = []

    def hub(self) -> Hub:
        return Hub(call_soon=lambda flush: flush())

    def __call__(self, delay_s: float) -> Delayed:
        self.made.append(delay_s)
        past = Past(self.tape.log, self.catalogue)
        return Delayed(self.tape, past, self.hub(), delay_s=delay_s, clock=self.clock)


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def views(maker: Maker) -> Views:
    live = View(maker.hub(), lambda: maker.tape.end_position)
    return Views(live, delayed=maker, close=maker.closed.append)


def test_without_delay_there_is_the_live_view_only(views: Views, maker: Maker) -> None:
    views.open({0.0})
    assert maker.made == []
    assert views.hubs == [views.of(0.0).hub]
    assert views.of(0.0).as_of() == maker.tape.end_position
    assert list(views.behind()) == []


def test_plans_of_one_delay_share_its_view(views: Views, maker: Maker) -> None:
    views.open({0.0, 3.0, 900.0})
    views.open({900.0, 3.0})
    assert maker.made == [3.0, 900.0]
    assert views.of(3.0).hub is views.of(3.0).hub
    assert len({views.of(delay_s).hub for delay_s in (0.0, 3.0, 900.0)}) == 3
    assert views.hubs == [views.of(delay_s).hub for delay_s in (0.0, 3.0, 900.0)]


def test_a_view_that_no_plan_has_any_more_is_closed(views: Views, maker: Maker) -> None:
    views.open({3.0, 5.0})
    gone, kept = views.behind()
    views.open({5.0, 7.0})
    assert maker.closed == [gone]
    assert [delayed.hub for delayed in views.behind()] == [kept.hub, views.of(7.0).hub]


def test_the_point_of_a_view_moves_with_it(views: Views, maker: Maker) -> None:
    views.open({3.0})
    view = views.of(3.0)
    (delayed,) = views.behind()
    assert view.as_of() == delayed.as_of


def test_too_many_delays_open_none(views: Views, maker: Maker) -> None:
    views.open({float(number) for number in range(MAX_DELAYS)})  # 0 among them
    before = list(maker.made)
    with pytest.raises(SettingError, match=f"{MAX_DELAYS + 1} different delay_s are more than {MAX_DELAYS}"):
        views.open({float(number) for number in range(MAX_DELAYS + 2)})
    assert maker.made == before
    views.open({100.0})
