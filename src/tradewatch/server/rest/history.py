"""`/<class>/{symbol}/ohlc`, `/<class>/{symbol}/ticks` and `/history/status`: what is recorded."""

import logging
from collections.abc import Callable
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tradewatch.access.permit import Permit
from tradewatch.clock import Clock
from tradewatch.errors import HistoryError, InvalidInstrumentError
from tradewatch.history.candles import RESOLUTIONS_S
from tradewatch.history.request import CandlesRequest, Format, Sides, StatusRequest, TicksRequest
from tradewatch.history.request import Request as HistoryRequest
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import canonical_symbol
from tradewatch.model.position import InvalidPositionError, parse_position
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.rest.direct import DirectRoute
from tradewatch.server.rest.errors import RefusedError
from tradewatch.server.rest.gate import Gate
from tradewatch.server.rest.history_documented import (
    CANDLES_ANSWERS,
    DEFAULT_TICKS,
    FORMATS,
    LAST_S,
    MAX_CANDLES,
    MAX_TICKS,
    STATUS_ANSWERS,
    TICKS_ANSWERS,
    candle_parameters,
    tick_parameters,
)
from tradewatch.server.rest.parameters import choice, missing_value, whole_number, wrong_value
from tradewatch.store.client import Answer, HistoryClient

_log = logging.getLogger("tradewatch.rest")

_RETRY_S = 1
_PRICES = ("bid", "ask", "mid")
_DEFAULT_PRICES = ("ask", "bid")


class _Path(NamedTuple):
    """What the path and the key of a request say; the beginning of what the store is asked."""

    asset_class: AssetClass
    symbol: str
    known: bool
    received_before_us: int | None


class _Streamed(StreamingResponse):
    """Hands an answer on; whoever leaves, before its first byte or behind it, gives the store's turn back."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.chunks(), media_type=answer.head.media_type)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it, and close it whatever comes; one that is cut ends with its connection, and so is seen."""
        try:
            await super().__call__(scope, receive, send)
        except HistoryError as error:
            _log.warning("%s %s is cut: %s", scope["method"], scope["path"], error)
        finally:
            self._answer.close()


def history_routes(
    gate: Gate, client: HistoryClient, *, clock: Clock, known: Callable[[AssetClass, str], bool]
) -> APIRouter:
    """The routes of the history.

    Args:
        gate: decides who may ask.
        client: asks the store process.
        clock: tells how far plans with a delay may look.
        known: whether the server knows a symbol, be anything recorded of it or not.
    """
    routes = APIRouter(route_class=DirectRoute)

    def received_before_us(permit: Permit) -> int | None:
        delay_s = permit.limits.delay_s
        return clock.now_ns() // 1_000 - round(delay_s * 1_000_000) if delay_s else None

    def add_class(asset_class: AssetClass) -> None:
        prefix = f"/{asset_class.value}/{{symbol}}"

        def entered(request: Request) -> _Path:
            permit = gate.enter(request, asset_class, history=True)
            try:
                symbol = canonical_symbol(request.path_params["symbol"])
            except InvalidInstrumentError as error:
                raise RefusedError(Refusal(404, RefusalReason.UNKNOWN_SYMBOL, str(error))) from None
            return _Path(asset_class, symbol, known(asset_class, symbol), received_before_us(permit))

        @routes.get(
            f"{prefix}/ohlc",
            tags=[asset_class.value],
            name=f"{asset_class.value}_ohlc",
            summary="Candles of one symbol",
            responses=CANDLES_ANSWERS,
            openapi_extra={"parameters": candle_parameters(asset_class)},
        )
        async def ohlc(request: Request) -> Response:
            """Open, high, low and close of ask and bid, folded from the quotes that were recorded.

            A candle begins at a whole multiple of its length. There is none where there was no quote with
            both sides; the one that is still open is shown as far as it has come.
            """
            path = entered(request)
            asked = _candles_asked(request, path)
            return await _answered(client, asked)

        @routes.get(
            f"{prefix}/ticks",
            tags=[asset_class.value],
            name=f"{asset_class.value}_ticks",
            summary="Quotes of one symbol, one by one",
            responses=TICKS_ANSWERS,
            openapi_extra={"parameters": tick_parameters(asset_class)},
        )
        async def ticks(request: Request) -> Response:
            """The quotes that were recorded, in the order in which they happened, page by page.

            With `from`, `to` or `after` they come in the order of their positions: the same that the stream
            shows as epoch and seq.
            """
            path = entered(request)
            asked = _ticks_asked(request, path)
            return await _answered(client, asked)

    for asset_class in AssetClass:
        add_class(asset_class)

    @routes.get(
        "/history/status",
        tags=["history"],
        summary="How much is recorded, and what is missing",
        responses=STATUS_ANSWERS,
    )
    async def status(request: Request) -> Response:
        """How far the recording is, how much there is, and which positions will never be there.

        `holes` are the newest thousand; `totals.holes` counts all.
        """
        gate.enter(request, history=True)
        return await _answered(client, StatusRequest())

    return routes


def _candles_asked(request: Request, path: _Path) -> CandlesRequest:
    resolution = choice(request, "resolution", tuple(map(str, RESOLUTIONS_S)))
    if resolution is None:
        raise missing_value("resolution")
    start_s, end_s = _needed_time(request, "start"), _needed_time(request, "end")
    form = _format(request)
    step_s = int(resolution)
    if form is Format.JSON and (end_s - start_s) / step_s > MAX_CANDLES:
        text = (
            f"from start to end there is room for more than {MAX_CANDLES:,} candles of {step_s} s;"
            " ask for less, or for CSV, Arrow or Parquet"
        )
        raise wrong_value("end", text, "too_many_candles")
    return CandlesRequest(
        **path._asdict(),
        resolution_s=step_s,
        start_s=start_s,
        end_s=end_s,
        prices=_prices(request),
        format=form,
    )


def _ticks_asked(request: Request, path: _Path) -> TicksRequest:
    form = _format(request)
    positions = {name: _position(request, name) for name in ("from", "to", "after")}
    by_time = not any(positions.values())
    read = _needed_time if by_time else _time
    start_s, end_s = read(request, "start"), read(request, "end")
    streamed = form is not Format.JSON
    limit = whole_number(request, "limit", lowest=1, highest=2**62 if streamed else MAX_TICKS)
    cursor = request.query_params.get("cursor") or None
    if streamed and cursor is not None:
        raise wrong_value("cursor", "only pages of JSON have cursors", "cursor_of_stream")
    return TicksRequest(
        **path._asdict(),
        start_s=start_s,
        end_s=end_s,
        first=positions["from"],
        last=positions["to"],
        after=positions["after"],
        cursor=cursor,
        limit=limit if streamed or limit is not None else DEFAULT_TICKS,
        sides=Sides(choice(request, "sides", tuple(Sides)) or Sides.BOTH),
        format=form,
    )


def _needed_time(request: Request, name: str) -> int:
    found = _time(request, name)
    if found is None:
        raise missing_value(name)
    return found


def _time(request: Request, name: str) -> int | None:
    """A time in Unix seconds."""
    return whole_number(request, name, lowest=0, highest=LAST_S)


def _position(request: Request, name: str) -> str | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        parse_position(text)
    except InvalidPositionError as error:
        raise wrong_value(name, str(error), "invalid_position") from None
    return text


def _prices(request: Request) -> tuple[str, ...]:
    text = request.query_params.get("fields")
    if text is None:
        return _DEFAULT_PRICES
    wanted = [part.strip().lower() for part in text.split(",")]
    unknown = [part for part in wanted if part not in _PRICES]
    if unknown:
        raise wrong_value("fields", f"not one of {', '.join(_PRICES)}: {unknown[0][:40]!r}", "choice")
    return tuple(dict.fromkeys(wanted))


def _format(request: Request) -> Format:
    """The format that a request wants: by its parameter, else by the first known type of its header."""
    chosen = choice(request, "format", FORMATS)
    if chosen is not None:
        return FORMATS[chosen]
    for part in request.headers.get("accept", "").split(","):
        media_type = part.partition(";")[0].strip().lower()
        if media_type in tuple(Format):
            return Format(media_type)
    return Format.JSON


async def _answered(client: HistoryClient, asked: HistoryRequest) -> Response:
    """What the store answers, handed on as it comes.

    Raises:
        RefusedError: the store refuses, or does not answer.
        RequestValidationError: it blames a parameter.
    """
    try:
        answer = await client.ask(asked)
        head = answer.head
        if head.status == 200 and head.length is None:
            return _Streamed(answer)
        body = await answer.body()
    except HistoryError as error:
        refused = Refusal(503, RefusalReason.HISTORY_UNAVAILABLE, str(error), _RETRY_S)
        raise RefusedError(refused) from error
    if head.status == 200:
        return Response(body, media_type=head.media_type)
    blamed = head.reason.removeprefix("query.")
    if blamed != head.reason:
        raise wrong_value(blamed, head.message, f"invalid_{blamed}")
    retry_after_s = _RETRY_S if head.status == 503 else None
    raise RefusedError(Refusal(head.status, head.reason, head.message, retry_after_s))
