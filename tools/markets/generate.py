"""Writes the tables of markets and their calendars: `python tools/markets/generate.py [--output DIRECTORY]`.

They come from the files in `hand/` and from the packages of `sources.txt`, which must be installed at just
these versions. `--check XNYS,XHKG` writes nothing: it compares these calendars with what the package ships.
"""

import argparse
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_SOURCES = Path(__file__).with_name("sources.txt")
#: What calendars are made of; the others make the lists of markets and exchanges.
_CALENDAR_SOURCES = ("exchange_calendars", "holidays", "pandas")


def main() -> int:
    """Write the tables, or compare some; 1 where a source is missing or a calendar differs."""
    parser = argparse.ArgumentParser(description="Write the markets, their calendars and crypto exchanges.")
    parser.add_argument("--output", type=Path, help="folder to write to; the package's own by default")
    parser.add_argument("--check", metavar="MIC,...", help="calendars to compare with the package's tables")
    arguments = parser.parse_args()
    needed = _SOURCES.read_text().split()
    if arguments.check:
        needed = [source for source in needed if source.startswith(_CALENDAR_SOURCES)]
    if wrong := [source for source in needed if not _is_installed(source)]:
        print(f"missing: {' '.join(wrong)} (pip install -r {_SOURCES})", file=sys.stderr)
        return 1
    if arguments.check:
        return _check(sorted(arguments.check.split(",")))
    _write(arguments.output)
    return 0


def _is_installed(source: str) -> bool:
    """Whether the package of a line `name==version` is here, at this version."""
    name, _, pinned = source.partition("==")
    try:
        return version(name) == pinned
    except PackageNotFoundError:
        return False


# Imports below are late: they need the sources, whose absence has its own message.


def _write(output: Path | None) -> None:
    import crypto_list  # noqa: PLC0415
    import market_list  # noqa: PLC0415
    import trading_days  # noqa: PLC0415
    from tables import DATA, write  # noqa: PLC0415

    output = output or DATA
    markets = list(market_list.markets())
    write(output / "markets.csv", market_list.COLUMNS, markets)
    write(output / "crypto_exchanges.csv", crypto_list.COLUMNS, crypto_list.crypto_exchanges())
    country = market_list.COLUMNS.index("country_code")
    calendars = [trading_days.told(row[0], row[country]) for row in markets if row[0] == row[-1]]
    write(output / "calendars.csv", trading_days.CALENDAR_COLUMNS, (told.calendar for told in calendars))
    hours = (row for told in calendars for row in told.hours)
    write(output / "calendar_hours.csv", trading_days.HOURS_COLUMNS, hours)
    days = (row for told in calendars for row in told.days)
    write(output / "calendar_days.csv", trading_days.DAYS_COLUMNS, days)


def _check(mics: list[str]) -> int:
    from tables import DATA, read  # noqa: PLC0415
    from trading_days import told  # noqa: PLC0415

    countries = {row["mic"]: row["country_code"] for row in read(DATA / "markets.csv")}
    shipped = {
        name: [tuple(row.values()) for row in read(DATA / f"{name}.csv") if row["calendar"] in mics]
        for name in ("calendars", "calendar_hours", "calendar_days")
    }
    made = [told(mic, countries[mic]) for mic in mics]
    same = (
        shipped["calendars"] == [each.calendar for each in made]
        and shipped["calendar_hours"] == [row for each in made for row in each.hours]
        and shipped["calendar_days"] == [row for each in made for row in each.days]
    )
    print("the same" if same else "they differ: generate again")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
