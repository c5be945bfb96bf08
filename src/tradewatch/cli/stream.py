"""`tradewatch stream`: quotes of a server, as a live table in a terminal, or one JSON line each."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tradewatch.cli import options
from tradewatch.cli.completion import complete_class, complete_symbol
from tradewatch.errors import ClientError, ProtocolViolationError, UsageError
from tradewatch.model.asset_class import AssetClass

if TYPE_CHECKING:
    from tradewatch.cli.live_table import LiveTable
    from tradewatch.client.endpoint import Endpoint

_ALL = "all"
_CLASSES = (*(asset_class.value for asset_class in AssetClass), _ALL)
#: What one message subscribes; servers of the public service take no more.
_SYMBOLS_PER_MESSAGE = 100
#: Ages grow though no quote comes.
_IDLE_REDRAW_S = 0.5


class _Event(msgspec.Struct):
    """What tells messages apart: a quote of v1 has no `event`."""

    event: str = ""


class _ErrorEvent(msgspec.Struct):
    """An `error` event."""

    code: str = ""
    message: str = ""
    symbols: list[str] = []


def stream(
    asset_class: Annotated[
        str,
        typer.Argument(
            metavar="CLASS",
            help=f"One of {', '.join(_CLASSES)}.",
            show_default=False,
            autocompletion=complete_class,
        ),
    ],
    symbols: Annotated[
        list[str],
        typer.Argument(
            metavar="SYMBOL",
            help="What to subscribe: EURUSD; with 'all' also currencies:EURUSD.",
            autocompletion=complete_symbol,
        ),
    ],
    *,
    url: options.ServerUrl = options.DEFAULT_URL,
    api_key: options.ApiKey = None,
    snapshot: Annotated[
        bool, typer.Option("--snapshot/--no-snapshot", help="Begin with the last known quote of each symbol.")
    ] = False,
    count: Annotated[int | None, typer.Option(metavar="N", min=1, help="End after so many quotes.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines in a terminal, too.")] = False,
    cacert: options.CaCert = None,
) -> None:
    """Show quotes: in a terminal as a live table, in a pipe as JSON lines.

    The lines stand there as they were received; everything else that the server says goes to stderr.
    """
    if asset_class not in _CLASSES:
        raise UsageError(f"no class {asset_class!r}; there are {', '.join(_CLASSES)}")
    path = "/" if asset_class == _ALL else f"/{asset_class}/quotes"
    from tradewatch.client.endpoint import Endpoint  # noqa: PLC0415 - `--version` does without it

    endpoint = Endpoint(url, path, api_key=api_key, cacert=cacert)
    requests = _subscriptions(symbols, snapshot=snapshot)
    if as_json or not sys.stdout.isatty():
        asyncio.run(
            _stream(endpoint, requests, _Listener(symbols, show=typer.echo, say=_to_stderr, count=count))
        )
        return
    from rich.console import Console  # noqa: PLC0415 - a pipe does without it

    from tradewatch.cli.live_table import LiveTable  # noqa: PLC0415 - likewise

    with LiveTable(Console(), title=str(endpoint)) as table:
        asyncio.run(_watch(endpoint, requests, symbols, table, count=count))


def _subscriptions(symbols: list[str], *, snapshot: bool) -> list[str]:
    """The messages that subscribe the symbols."""
    extra = {"snapshot": True} if snapshot else {}
    return [
        json.dumps({"action": "subscribe", "symbols": symbols[n : n + _SYMBOLS_PER_MESSAGE]} | extra)
        for n in range(0, len(symbols), _SYMBOLS_PER_MESSAGE)
    ]


def _to_stderr(words: str) -> None:
    """Words for a person beside the data."""
    typer.echo(words, err=True)


class _Listener:
    """Takes what is received, and knows when there is nothing more to wait for.

    Args:
        symbols: what is asked for.
        show: takes each quote, as it was received.
        say: takes words for a person.
        count: how many quotes are enough; None for no end.
    """

    def __init__(
        self,
        symbols: Iterable[str],
        *,
        show: Callable[[str], None],
        say: Callable[[str], None],
        count: int | None,
    ) -> None:
        self.say = say
        self._wanted = {symbol.upper() for symbol in symbols}
        self._show = show  # `typer.echo` flushes, so that the reader of a pipe is never behind
        self._remaining = count

    def take(self, message: str) -> bool:
        """Show a message where it belongs.

        Returns:
            whether as many quotes as asked for are shown.

        Raises:
            ClientError: it is no message of the stream, or none of the symbols is left to wait for.
        """
        try:
            event = msgspec.json.decode(message, type=_Event).event
            if event == "error":
                self._take_error(msgspec.json.decode(message, type=_ErrorEvent))
        except msgspec.DecodeError as error:
            raise ProtocolViolationError(
                f"the server sent what is no message of the stream: {error}"
            ) from None
        if event:
            return False
        self._show(message)
        if self._remaining is not None:
            self._remaining -= 1
        return self._remaining == 0

    def _take_error(self, error: _ErrorEvent) -> None:
        """Say what the server refused."""
        names = f" ({', '.join(error.symbols)})" if error.symbols else ""
        self.say(f"{error.code}: {error.message}{names}")
        self._wanted -= {symbol.upper() for symbol in error.symbols}
        if not self._wanted:
            raise ClientError("the server streams none of these symbols")


async def _watch(
    endpoint: "Endpoint", requests: list[str], symbols: list[str], table: "LiveTable", *, count: int | None
) -> None:
    """Stream into a table, which is drawn anew though nothing comes."""

    async def redraw() -> None:
        while True:
            await asyncio.sleep(_IDLE_REDRAW_S)
            table.draw()

    redrawing = asyncio.create_task(redraw())
    try:
        await _stream(endpoint, requests, _Listener(symbols, show=table.show, say=table.say, count=count))
    finally:
        redrawing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await redrawing


async def _stream(endpoint: "Endpoint", requests: list[str], listener: _Listener) -> None:
    """Connect, subscribe and listen until the listener has enough.

    Raises:
        ClientError: the server refused, could not be reached, or ended the stream.
    """
    async with await endpoint.open() as connection:
        if connection.simulated:
            listener.say("the prices of this server are simulated")
        for request in requests:
            await connection.send(request)
        while not listener.take(await connection.receive_text()):
            pass
