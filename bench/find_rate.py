"""The highest rate that a server holds: median p99 at most 10 ms, everything delivered, nothing skipped."""

import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bench.comparison import DELIVERED
from bench.contestants import Contestant, Limit, Tradewatch
from bench.load import BUSY, Measured, measure
from bench.process import Cores
from bench.report import say
from bench.scenario import Scenario

LIMIT_MS = 10.0
_WINDOWS = 3
_WINDOW_S = 2.0
_WARM_UP_S = 1.0
#: The search ends when the highest rate held and the lowest not held are so near.
_PRECISION = 1.1
_LOWEST_RATE, _HIGHEST_RATE = 250, 4_000_000


@dataclass(frozen=True)
class Held:
    """The highest rate a server held.

    Attributes:
        rate: quotes per second in; 0 where it held none.
        measured: the window of median p99 at that rate.
        starved: how starved the median of all windows tried was; see `Measured`.
    """

    rate: int
    measured: Measured | None
    starved: float


def find_rates(scenario: Scenario, *, cores: Cores) -> dict[str, Held]:
    """The highest rates of ours, flushing whenever something waits, and of C."""
    found: dict[str, Held] = {}
    payload_bytes = 125
    for contestant in (Tradewatch(paced=False), Limit()):
        if not contestant.missing():
            held = _search(contestant, scenario, payload_bytes, cores)
            found[contestant.name] = held
            payload_bytes = round(held.measured.bytes_per_quote) if held.measured else payload_bytes
    return found


def _search(contestant: Contestant, scenario: Scenario, payload_bytes: int, cores: Cores) -> Held:
    held: dict[int, Measured] = {}
    starved: list[float] = []

    def holds(rate: int) -> bool:
        window, is_held = _trial(contestant, replace(scenario, rate=rate), payload_bytes, cores)
        starved.append(window.starved)
        if is_held:
            held[rate] = window
        return is_held

    bisect(holds, start=scenario.rate)
    rate = max(held, default=0)
    return Held(rate, held.get(rate), statistics.median(starved))


def bisect(holds: Callable[[int], bool], *, start: int) -> None:
    """Ask `holds` for ever nearer rates around the highest it is true for; the last true one is that."""
    low = high = start
    if holds(start):
        while high < _HIGHEST_RATE and holds(high := min(high * 2, _HIGHEST_RATE)):
            low = high
    else:
        while low > _LOWEST_RATE and not holds(low := max(low // 2, _LOWEST_RATE)):
            high = low
    while high / low > _PRECISION:
        middle = round((low * high) ** 0.5)
        if holds(middle):
            low = middle
        else:
            high = middle


def _trial(
    contestant: Contestant, scenario: Scenario, payload_bytes: int, cores: Cores
) -> tuple[Measured, bool]:
    """The window of median p99, and whether the rate is held."""
    wanted = scenario.wanted_per_s() * DELIVERED
    windows: list[Measured] = []
    with (
        tempfile.TemporaryDirectory(prefix="tradewatch-bench-") as folder,
        contestant.serve(scenario, payload_bytes=payload_bytes, core=cores.server) as (server, access),
    ):
        subscriptions = scenario.write_subscriptions(Path(folder) / "subscriptions.jsonl")
        while len(windows) < _WINDOWS:
            window = measure(
                server, access, subscriptions, warm_up_s=_WARM_UP_S, window_s=_WINDOW_S, core=cores.load
            )
            windows.append(window)
            if window.skipped or window.delivered_per_s < wanted:
                break
    windows.sort(key=lambda window: window.p99_ms)
    middle = windows[len(windows) // 2]
    held = all(not window.skipped and window.delivered_per_s >= wanted for window in windows)
    held = held and middle.p99_ms <= LIMIT_MS
    say(
        f"{scenario.name}: {contestant.name} {'holds' if held else 'does not hold'} {scenario.rate:,}/s: "
        f"p99 {middle.p99_ms:.1f} ms, {middle.delivered_per_s / 1e6:.2f} M/s, starved {middle.starved:.0%}"
    )
    return middle, held


def table(found: dict[str, Held]) -> list[list[str]]:
    """One row per server."""
    rows = [["server", "highest rate in/s", "delivered/s", "p50 ms", "p99 ms", "CPU µs/quote", "core"]]
    for name, held in found.items():
        if held.starved > BUSY:
            rows.append(
                [name, f"starved {held.starved:.0%}: the machine is too busy for this to be a result"]
            )
        measured = held.measured
        if measured is None:
            rows.append([name, f"holds no rate from {_LOWEST_RATE}/s on"])
            continue
        rows.append(
            [
                name,
                f"{held.rate:,}",
                f"{measured.delivered_per_s:,.0f}",
                f"{measured.p50_ms:.1f}",
                f"{measured.p99_ms:.1f}",
                f"{measured.cpu_us_per_quote:.3f}",
                f"{measured.cpu_share:.0%}",
            ]
        )
    return rows
