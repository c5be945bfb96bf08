"""`python -m bench`: all benchmarks, or those that are asked for."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

from bench import client, comparison, find_rate, idle, intake, soak, storm
from bench.compiler import compiler
from bench.process import Cores
from bench.report import print_table, write_results
from bench.scenario import SCENARIOS, Scenario

_IN_PROCESS = ("intake", "client", "idle", "storm")
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
    chosen = options.scenario or [*_IN_PROCESS, *SCENARIOS]
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
    scenarios = [
        replace(scenario, rate=options.rate or scenario.rate, cadence_ms=options.cadence)
        for name, scenario in SCENARIOS.items()
        if name in chosen
    ]
    if compiler() is None:
        print("No C compiler (apt-get install gcc), so no load client: `intake` is all that can be measured.")
        return
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
        choices=[*_IN_PROCESS, *_LONG, *SCENARIOS],
        help="measure this only; may be repeated",
    )
    parser.add_argument("--pairs", type=int, default=5, help="runs of ours and of C in turn (5)")
    parser.add_argument(
        "--window", type=float, default=5.0, metavar="S", help="seconds of a run that count (5)"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="how long `soak` takes (60)")
    parser.add_argument("--rate", type=int, help="quotes per second in, instead of the scenario's own")
    parser.add_argument(
        "--cadence", type=int, default=5, metavar="MS", help="time between two flushes of every server (5)"
    )
    parser.add_argument(
        "--find-rate", action="store_true", help="instead search the highest rate that is held; takes minutes"
    )
    return parser.parse_args()


main()
