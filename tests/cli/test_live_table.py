"""How the live table looks; `tests/system/test_terminal.py` drives it in a terminal."""

import io

from rich.console import Console
from tests.cli.test_board import tick

from tradewatch.cli.live_table import LiveTable


class Rig:
    def __init__(self, *, height: int = 24) -> None:
        self.now_s = 100.0
        self.out = io.StringIO()
        self.console = Console(file=self.out, force_terminal=True, width=80, height=height)
        self.table = LiveTable(
            self.console,
            title="ws://here",
            monotonic_s=lambda: self.now_s,
            unix_ms=lambda: round(self.now_s * 1_000),
        )

    @property
    def text(self) -> str:
        """The table as it is now, without colours."""
        with self.console.capture() as capture:
            self.console.print(self.table._table())
        return "\n".join(line.rstrip() for line in capture.get().splitlines())


def test_before_the_first_quote_it_says_what_it_waits_for():
    assert "waiting for the first quote" in Rig().text


def test_a_line_has_prices_spread_age_and_rate():
    rig = Rig()
    rig.table.take(tick("1.17164", "1.17174", time_ms=98_500))
    rig.now_s += 0.2
    rig.table.take(tick("1.17165", "1.17174", time_ms=99_000))
    text = rig.text
    rig.table.take(tick("1.1717", "1.17174", time_ms=99_000))
    assert "1.17170 ▲" in rig.text
    rig.table.take(tick("1.17165", "1.17174", time_ms=99_000))
    text = rig.text
    for cell in ("EURUSD", "1.17165 ▼", "1.17174", "0.00009", "1.2 s", "0.4"):
        assert cell in text, cell


def test_ages_are_told_in_the_unit_they_are_thought_in():
    rig = Rig()
    ages = {}
    for age_s in (0, 59.9, 61, 7_199, 7_200):
        rig.table.take(tick("1", "2", time_ms=round((rig.now_s - age_s) * 1_000)))
        rig.table.draw()
        ages[age_s] = next(unit for unit in (" s ", " min ", " h ") if unit in rig.text)
    assert ages == {0: " s ", 59.9: " s ", 61: " min ", 7_199: " min ", 7_200: " h "}


def test_what_does_not_fit_is_counted():
    rig = Rig(height=10)
    for number in range(30):
        rig.table.take(tick("1", "2", symbol=f"S{number}"))
    rig.table.draw()
    assert "26 more do not fit on this screen" in rig.text
    assert "S3 " in rig.text
    assert "S4 " not in rig.text


def test_it_is_not_drawn_for_every_quote():
    rig = Rig()
    with rig.table:
        drawn = len(rig.out.getvalue())
        for _ in range(1_000):
            rig.table.take(tick("1", "2"))
        assert len(rig.out.getvalue()) == drawn
        rig.now_s += 0.11
        rig.table.take(tick("1", "2"))
        assert len(rig.out.getvalue()) > drawn
