"""`tradewatch quote`: the newest quote of each symbol, once."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tradewatch.cli import options
from tradewatch.cli.completion import complete_symbol
from tradewatch.cli.table import print_table
from tradewatch.errors import ClientError

if TYPE_CHECKING:
    from tradewatch.client import Quote, Result

#: Newest quotes are sent before the answer to a ping; they are taken from memory then.
_TAKE_S = 0.5


class QuoteRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `quote --json` says of a symbol, one line each; absent is what is not known.

    Attributes:
        asset_class: the symbol's class.
        symbol: the bare symbol.
        position: `<epoch>:<seq>`, by which stream, history and REST know the same quote.
        timestamp: when it happened, by its source; Unix milliseconds.
        bid: the price one can sell at.
        ask: the price one can buy at.
        mid: the mean of both.
        flags: what else there is to know of it.
    """

    asset_class: str
    symbol: str
    position: str
    timestamp: str
    bid: str | None
    ask: str | None
    mid: str | None
    flags: tuple[str, ...] = ()

    @property
    def cells(self) -> tuple[str, ...]:
        """The same under the headings of the table."""
        prices = (price or "-" for price in (self.bid, self.ask, self.mid))
        return f"{self.asset_class}:{self.symbol}", *prices, self.timestamp


def quote(
    symbols: Annotated[
        list[str],
        typer.Argument(
            metavar="SYMBOL...",
            help="crypto:BTCUSD, or BTCUSD where only one class has it.",
            autocompletion=complete_symbol,
        ),
    ],
    *,
    url: options.ServerUrl = options.DEFAULT_URL,
    api_key: options.ApiKey = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines in a terminal, too.")] = False,
    cacert: options.CaCert = None,
) -> None:
    """Print the newest quote of each symbol: a table in a terminal, JSON lines in a pipe.

    Exit code 1 where one of them is unknown or was never quoted; the others are printed.
    """
    rows, missing = asyncio.run(_newest(symbols, url=url, api_key=api_key, cacert=cacert))
    if as_json or not sys.stdout.isatty():
        for row in rows:
            typer.echo(msgspec.json.encode(row))
    elif rows:
        print_table(
            ("SYMBOL", "BID", "ASK", "MID", "AT (UNIX MS)"),
            [
                (
                    f"{row.asset_class}:{row.symbol}",
                    row.bid or "-",
                    row.ask or "-",
                    row.mid or "-",
                    row.timestamp,
                )
                for row in rows
            ],
            numbers=("BID", "ASK", "MID"),
        )
    if missing:
        raise ClientError("; ".join(missing))


async def _newest(
    symbols: list[str], *, url: str, api_key: str | None, cacert: Path | None
) -> tuple[list[QuoteRow], list[str]]:
    """The newest quotes in the order asked for, and a word on each symbol that has none."""
    from tradewatch.client import connect  # noqa: PLC0415 - other commands do without it

    async with connect(url, api_key=api_key, reconnect=None, cacert=cacert) as stream:
        results = await stream.subscribe(*symbols)
        await stream.ping()  # whatever was known stands before its answer
        wanted = {f"{result.asset_class}:{result.symbol}": result for result in results if result.asset_class}
        newest: dict[str, Quote] = {}
        try:
            async with asyncio.timeout(_TAKE_S):
                async for each in stream:
                    newest.setdefault(each.name, each)
                    if newest.keys() >= wanted.keys():
                        break
        except TimeoutError:
            pass  # some were never quoted
        rows = [_row(newest[name], result) for name, result in wanted.items() if name in newest]
        return rows, _missing(results, newest)


def _row(each: "Quote", result: "Result") -> QuoteRow:
    return QuoteRow(
        asset_class=each.asset_class,
        symbol=each.symbol,
        position=f"{result.epoch}:{each.seq}",
        timestamp=each.timestamp,
        bid=each.bid_text,
        ask=each.ask_text,
        mid=each.mid_text,
        flags=each.flags,
    )


def _missing(results: "list[Result]", newest: "dict[str, Quote]") -> list[str]:
    """What is wrong with each symbol that has no quote."""
    words: list[str] = []
    for result in results:
        if not result.ok:
            hint = f" (did you mean {', '.join(result.suggestions)}?)" if result.suggestions else ""
            words.append(f"{result.symbol}: {result.code}{hint}")
        elif result.asset_class and f"{result.asset_class}:{result.symbol}" not in newest:
            words.append(f"{result.asset_class}:{result.symbol} was never quoted")
    return words
