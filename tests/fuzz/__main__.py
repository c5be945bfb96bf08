"""`python -m tests.fuzz`: all targets in turn, with new inputs, until the time is over.

`TRADEWATCH_FUZZ_S` says for how many seconds (600); `TRADEWATCH_FUZZ_SEED` where to begin (the clock).
"""

import faulthandler
import os
import sys
import time
import traceback

from tests.fuzz.campaign import EXAMPLE_CPU_S, run
from tests.fuzz.targets import targets

_ROUND_EXAMPLES = 100


def main() -> int:
    """Fuzz, and print what came of it; 1 where any input did harm."""
    seconds = float(os.environ.get("TRADEWATCH_FUZZ_S", "600"))
    seed = int(os.environ.get("TRADEWATCH_FUZZ_SEED", time.time_ns() // 1_000_000))
    print(f"fuzzing for {seconds:.0f} s from seed {seed}", flush=True)
    begin_s = time.monotonic()
    chosen = targets()
    examples = dict.fromkeys((target.name for target in chosen), 0)
    slowest_s = dict.fromkeys(examples, 0.0)
    failed: dict[str, str] = {}
    while time.monotonic() < begin_s + seconds and len(failed) < len(chosen):
        for target in chosen:
            if target.name in failed or time.monotonic() >= begin_s + seconds:
                continue
            faulthandler.dump_traceback_later(EXAMPLE_CPU_S * _ROUND_EXAMPLES, exit=True)
            try:
                watch = run(target, examples=_ROUND_EXAMPLES, seed_number=seed)
            except Exception:  # noqa: BLE001 - whatever it is, it is what was looked for
                failed[target.name] = traceback.format_exc()
            else:
                examples[target.name] += watch.examples
                slowest_s[target.name] = max(slowest_s[target.name], watch.slowest_s)
        seed += 1
    faulthandler.cancel_dump_traceback_later()
    for name, count in examples.items():
        outcome = "FAILED" if name in failed else "no harm"
        print(f"  {name:24} {count:9,} examples, slowest {slowest_s[name] * 1e3:7.1f} ms CPU: {outcome}")
    for name, trace in failed.items():
        print(f"\n{name}:\n{trace}")
    took_s = time.monotonic() - begin_s
    print(f"{sum(examples.values()):,} examples in {took_s:.0f} s, {len(failed)} targets failed")
    return 1 if failed else 0


sys.exit(main())
