"""`python -m bench`: all benchmarks, or those that are asked for."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

from bench import (
    client,
    comparison,
    exports,
    find_rate,
    history,
    idle,
    importing,
    intake,
    recording,
    rest,
    soak,
    storm,
)
from bench.compiler import compiler
from bench.process import Cores
from bench.report import print_table, write_results
from bench.scenario import SCENARIOS, Scenario

_IN_PROCESS = ("intake", "client", "idle", "storm")
_HISTORY = ("rest", "history", "import", "recording", "exports")
#: Each takes some seconds, and varies little.
_IMPORTS = 3
#: Only measured where it is asked for.
_LONG = ("soak",)


def main() -> None:
    """Measure, print, write."""
    options = _options()
    if not sys.platform.startswith("linux"):
        sys.exit("bench: the benchmarks need Linux (epoll, /proc)")
    cores = Cores.here()
    if cores.server == cores.load:
        print("This process may use one core only: server and load client share it, and rates mean little.")
    chosen = options.scenario or [*_IN_PROCESS, *_HISTORY, *SCENARIOS]
    if "intake" in chosen:
        _intake(options.window, cores)
    if "client" in chosen:
        taken = client.measure_clients(cores)
        print_table("Python clients", client.table(taken))
        write_results("client", [asdict(each) for each in taken])
    if "storm" in chosen:
        rounds = storm.measure_storm(options.pairs, options.window, cores)
        print_table("Storm", storm.table(rounds))
        write_results("storm", storm.as_json(rounds))
    if "soak" in chosen:
        soaked = soak.measure_soak(options.minutes, cores)
        print_table("Soak", soak.table(soaked))
        write_results("soak", soaked.as_json())
    _measure_history(chosen, options, cores)
    scenarios = [
        replace(scenario, rate=options.rate or scenario.rate, cadence_ms=options.cadence)
        for name, scenario in SCENARIOS.items()
        if name in chosen
    ]
    if compiler() is None:
        print(
            "No C compiler (apt-get install gcc), so no load client: what needs none is all that is measured."
        )
        return
    _measure_streams(chosen, options, cores)
    if "idle" in chosen:
        measured = idle.measure_idle(cores)
        print_table("Idle connections", idle.table(measured))
        write_results("idle", {**asdict(measured), "bytes_per_connection": measured.bytes_per_connection})
    if options.find_rate:
        _find_rates(scenarios, cores)
    else:
        _compare(scenarios, options.pairs, options.window, cores)


def _intake(window_s: float, cores: Cores) -> None:
    steps, shares = intake.measure_steps(), intake.measure_process(window_s, cores)
    print_table("Intake", intake.table(steps, shares))
    write_results("intake", {"us_per_quote": steps, "core_share": shares})


def _measure_history(chosen: Sequence[str], options: argparse.Namespace, cores: Cores) -> None:
    if "rest" in chosen:
        compared = rest.measure_rest(options.pairs, options.window, cores)
        print_table("REST", rest.table(compared))
        write_results("rest", rest.as_json(compared))
    if "history" in chosen:
        kept = history.measure_history(options.quotes, cores)
        print_table("History", history.table(kept))
        write_results("history", history.as_json(kept))
    if "import" in chosen:
        imported = importing.measure_import(options.rows, min(options.pairs, _IMPORTS))
        print_table("Import", importing.table(imported))
        write_results("import", importing.as_json(imported))


def _measure_streams(chosen: Sequence[str], options: argparse.Namespace, cores: Cores) -> None:
    """What the history does to the stream."""
    if "recording" in chosen:
        recorded = recording.measure_recording(options.pairs, options.window, cores, rate=options.rate)
        print_table("Recording", recording.table(recorded))
        write_results("recording", recording.as_json(recorded))
    if "exports" in chosen:
        pulled = exports.measure_exports(options.rows, options.pairs, options.window, cores)
        print_table("Exports", exports.table(pulled))
        write_results("exports", exports.as_json(pulled))


def _compare(scenarios: Sequence[Scenario], pairs: int, window_s: float, cores: Cores) -> None:
    for scenario in scenarios:
        compared = comparison.compare(scenario, pairs=pairs, window_s=window_s, cores=cores)
        print_table(f"{scenario.name}: {scenario.title}", comparison.table(compared))
        write_results(scenario.name, compared.as_json())


def _find_rates(scenarios: Sequence[Scenario], cores: Cores) -> None:
    for scenario in scenarios:
        found = find_rate.find_rates(scenario, cores=cores)
        title = (
            f"{scenario.name}: the highest rate with p99 at most {find_rate.LIMIT_MS:.0f} ms, nothing skipped"
        )
        print_table(title, find_rate.table(found))
        write_results(f"rate-{scenario.name}", {name: asdict(held) for name, held in found.items()})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="What bench/README.md describes.")
    parser.add_argument(
        "--scenario",
        action="append",
        choices=[*_IN_PROCESS, *_HISTORY, *_LONG, *SCENARIOS],
        help="measure this only; may be repeated",
    )
    parser.add_argument("--pairs", type=int, default=5, help="runs of ours and of C in turn (5)")
    parser.add_argument(
        "--window", type=float, default=5.0, metavar="S", help="seconds of a run that count (5)"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="how long `soak` takes (60)")
    parser.add_argument(
        "--quotes", type=int, default=10_000_000, help="quotes of the day of `history` (10,000,000)"
    )
    parser.add_argument(
        "--rows",
        type=int,
        default=5_000_000,
        help="rows of the file of `import`, quotes of the symbol of `exports` (5,000,000)",
    )
    parser.add_argument("--rate", type=int, help="quotes per second in, instead of the scenario's own")
    parser.add_argument(
        "--cadence", type=int, default=5, metavar="MS", help="time between two flushes of every server (5)"
    )
    parser.add_argument(
        "--find-rate", action="store_true", help="instead search the highest rate that is held; takes minutes"
    )
    return parser.parse_args()


main()
