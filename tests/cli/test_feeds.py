"""`tradewatch feeds`: what there is, as the parser knows it; and what a specification would bring."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tradewatch.feeds.spec import KINDS

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_it_tells_all_that_the_parser_knows(run: Run) -> None:
    done = run("feeds")

    assert (done.stderr, done.returncode) == ("", 0)
    for name, kind in KINDS.items():
        assert f"{name}: {kind.meaning}\n" in done.stdout
        assert kind.form in done.stdout
        assert f"--feed '{kind.example}'" in done.stdout
        for option, said in kind.options.items():
            (line,) = (
                line
                for line in done.stdout.splitlines()
                if line.split()[:1] == [option] and line.endswith(said.meaning)
            )
            assert line.split()[1] == (said.default or "-")
            assert said.value.takes in line


@pytest.mark.parametrize(
    ("spec", "lines"),
    [
        (
            "simulated?symbols=7&rate=3.5&class=indices",
            [
                "feed         Invented quotes that move like a market's, at an exact rate.",
                "rate         3.5 quotes per second, 0.5 for each instrument",
                "instruments  7: indices:DJI, indices:SPX, indices:NDX, indices:IXIC, indices:RUT, ...",
            ],
        ),
        (
            "simulated?symbols=2&prefix=sym",
            [
                "feed         Invented quotes that move like a market's, at an exact rate.",
                "rate         200 quotes per second, 100 for each instrument",
                "instruments  2 (2 of them new to the catalogue): currencies:SYM00000, crypto:SYM00001",
            ],
        ),
        ("none", ["none: No feed: only what is published."]),
    ],
)
def test_check_says_what_a_feed_would_bring(run: Run, spec: str, lines: list[str]) -> None:
    done = run("feeds", "check", spec)

    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (lines, "", 0)


def test_check_looks_into_files(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(
        "ts_ms,symbol,bid,ask\n"
        "1398902400000,EURUSD,1.386400,1.38652\n"
        "1398902400500,ACME,n/a,3\n"
        "1398902401000,ACME,,3\n"
        "1398902402000,EURUSD,1.3865,1.38660\n"
    )

    done = run("feeds", "check", f"replay:{path}?class=currencies&speed=2")

    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "feed         Recorded quotes from files (CSV, also gzip, or Parquet), folders or patterns.",
        "files        day.csv",
        "rate         about 2 quotes per second, judged by the first 3 quotes of day.csv",
        "bad rows     1, such as day.csv line 3: bid: not a decimal number: 'n/a'",
        "instruments  2 (1 of them new to the catalogue): currencies:EURUSD, currencies:ACME",
        "",
        "TIME                     SYMBOL                BID      ASK",
        "2014-05-01 00:00:00.000  currencies:EURUSD  1.3864  1.38652",
        "2014-05-01 00:00:01.000  currencies:ACME         -        3",
        "2014-05-01 00:00:02.000  currencies:EURUSD  1.3865   1.3866",
    ]


def test_an_instrument_of_the_users_file_is_not_new(run: Run, tmp_path: Path) -> None:
    recording, own = tmp_path / "stocks-day.csv", tmp_path / "own.csv"
    recording.write_text("ts_ms,symbol,bid,ask\n1398902400000,ACME,1,2\n")
    own.write_text("asset_class,symbol,decimals\nstocks,ACME,2\n")

    done = run("feeds", "check", f"replay:{recording}", "--instruments", str(own))

    assert "instruments  1: stocks:ACME\n" in done.stdout
    assert "rate         one moment, judged by" in done.stdout


def test_real_files_are_understood(run: Run, shared_data: Path) -> None:
    path = shared_data / "currencies-EURUSD-20140508.csv.gz"
    done = run("feeds", "check", f"replay:{path}?speed=max")

    assert (done.stderr, done.returncode) == ("", 0)
    assert "rate         as fast as can be read, judged by" in done.stdout
    assert "instruments  1: currencies:EURUSD\n" in done.stdout


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("simulated?rat=3", "no such option: 'rat'; there are: symbols, rate, seed, class, prefix, sessions"),
        ("kraken", "no such feed; there are: none, replay, simulated"),
        ("replay:nowhere.csv", "no such file or folder: 'nowhere.csv'"),
        ("simulated?symbols=9999", "symbols: 9,999 are wanted and there are "),
    ],
)
def test_check_says_what_is_wrong(run: Run, spec: str, fault: str) -> None:
    done = run("feeds", "check", spec)

    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr.startswith(f"tradewatch: feed {spec!r}: {fault}")
