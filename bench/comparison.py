"""Every server under the same load, in turn, at the same cadence."""

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.contestants import COMPETITORS, Contestant, Limit, Tradewatch
from bench.load import BUSY, Measured, measure
from bench.process import Cores
from bench.report import say
from bench.scenario import Scenario

WARM_UP_S = 1.5
#: A rate is held when so much of it is delivered: windows do not begin and end between two flushes.
DELIVERED = 0.98
#: Two servers write at the same cadence when their flushes per second are not further apart.
_SAME_CADENCE = 1.25


@dataclass
class Compared:
    """What was measured in one scenario.

    Attributes:
        scenario: which.
        wanted_per_s: quotes per second to deliver.
        runs: of each server, in the order they were made; the n-th of ours and of C are a pair.
        missing: why a server has no runs.
    """

    scenario: Scenario
    wanted_per_s: float
    runs: dict[str, list[Measured]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def median(self, name: str, figure: str) -> float:
        """The median of a figure of `Measured` over the runs of a server."""
        figures: list[float] = [getattr(run, figure) for run in self.runs[name]]
        return statistics.median(figures)

    def holds(self, name: str) -> bool:
        """Whether a server delivered what was wanted: only then it wrote at the cadence."""
        return self.median(name, "delivered_per_s") >= DELIVERED * self.wanted_per_s

    def comparable(self, name: str) -> bool:
        """Whether CPU per quote may be compared with that of C: both hold the rate, and write as often."""
        if Limit.name not in self.runs or not (self.holds(name) and self.holds(Limit.name)):
            return False
        ratio = self.median(name, "flushes_per_s") / max(self.median(Limit.name, "flushes_per_s"), 1.0)
        return 1 / _SAME_CADENCE <= ratio <= _SAME_CADENCE

    def economy(self, name: str) -> float | None:
        """CPU per quote of C by that of a server: the median over the pairs, or against the median of C."""
        limits, runs = self.runs.get(Limit.name), self.runs[name]
        if not limits:
            return None
        if len(runs) == len(limits):
            pairs = zip(limits, runs, strict=True)
            return statistics.median(limit.cpu_us_per_quote / run.cpu_us_per_quote for limit, run in pairs)
        return self.median(Limit.name, "cpu_us_per_quote") / self.median(name, "cpu_us_per_quote")

    def as_json(self) -> dict[str, Any]:
        """For a results file."""
        return {
            "scenario": self.scenario.title,
            "wanted_per_s": round(self.wanted_per_s),
            "runs": {name: [run.as_json() for run in runs] for name, runs in self.runs.items()},
            "economy": {name: self.economy(name) for name in self.runs},
            "comparable": {name: self.comparable(name) for name in self.runs},
            "missing": self.missing,
        }


def compare(scenario: Scenario, *, pairs: int, window_s: float, cores: Cores) -> Compared:
    """Ours and C in turn, so that what disturbs the machine disturbs both; the competitors once."""
    compared = Compared(scenario, scenario.wanted_per_s())
    ours, limit = Tradewatch(), Limit()
    with tempfile.TemporaryDirectory(prefix="tradewatch-bench-") as folder:
        subscriptions = scenario.write_subscriptions(Path(folder) / "subscriptions.jsonl")

        def run(contestant: Contestant, payload_bytes: int) -> Measured:
            with contestant.serve(scenario, payload_bytes=payload_bytes, core=cores.server) as (
                server,
                access,
            ):
                measured = measure(
                    server, access, subscriptions, warm_up_s=WARM_UP_S, window_s=window_s, core=cores.load
                )
            say(
                f"{scenario.name}: {contestant.name} {measured.delivered_per_s / 1e6:.2f} M/s, "
                f"{measured.cpu_us_per_quote:.3f} µs per quote"
            )
            compared.runs.setdefault(contestant.name, []).append(measured)
            return measured

        for _ in range(pairs):
            payload_bytes = round(run(ours, 0).bytes_per_quote)
            run(limit, payload_bytes)
        for competitor in COMPETITORS if scenario.competitors else ():
            if missing := competitor.missing():
                compared.missing[competitor.name] = missing
            else:
                run(competitor, payload_bytes)
    return compared


def table(compared: Compared) -> list[list[str]]:
    """One row per server, medians of its runs; then remarks."""
    return [
        ["server", *_COLUMNS, "economy"],
        *(
            [
                name,
                *(
                    _FORMATS[title].format(compared.median(name, figure))
                    for title, figure in _COLUMNS.items()
                ),
                _economy(compared, name),
            ]
            for name in compared.runs
        ),
        *([name, missing] for name, missing in compared.missing.items()),
        *([name, remark] for name in compared.runs for remark in _remarks(compared, name)),
    ]


#: Titles of columns, and the figures of `Measured` that stand in them.
_COLUMNS = {
    "delivered/s": "delivered_per_s",
    "CPU µs/quote": "cpu_us_per_quote",
    "flushes/s": "flushes_per_s",
    "p50 ms": "p50_ms",
    "p99 ms": "p99_ms",
    "skipped": "skipped",
    "core": "cpu_share",
    "starved": "starved",
    "load core": "load_share",
    "bytes": "bytes_per_quote",
}
_FORMATS = dict.fromkeys(_COLUMNS, "{:,.0f}") | {
    "CPU µs/quote": "{:.3f}",
    "p50 ms": "{:,.1f}",
    "p99 ms": "{:,.1f}",
    "core": "{:.0%}",
    "starved": "{:.0%}",
    "load core": "{:.0%}",
}


def _economy(compared: Compared, name: str) -> str:
    """In brackets where it compares what cannot be compared."""
    economy = compared.economy(name)
    if economy is None:
        return "-"
    return f"{economy:.2f}" if compared.comparable(name) else f"({economy:.2f})"


def _remarks(compared: Compared, name: str) -> Iterator[str]:
    """What a row has to be read with."""
    if not compared.holds(name):
        share = compared.median(name, "delivered_per_s") / compared.wanted_per_s
        yield f"delivers {share:.0%} of {compared.wanted_per_s:,.0f}/s: its figures are those of overload"
    elif not compared.comparable(name):
        yield "does not write as often as C, or does not say how often: its economy is another thing"
    if compared.median(name, "starved") > BUSY:
        yield "the machine was busy with something else: ages and rates are not its own"
