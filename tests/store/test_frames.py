"""Frames: what is written is read, and nothing else is taken for a request."""

import msgspec
import pytest

from tradewatch.history.request import (
    CandlesRequest,
    Format,
    Head,
    InstrumentsRequest,
    Request,
    Sides,
    StatusRequest,
    TicksRequest,
)
from tradewatch.model.asset_class import AssetClass
from tradewatch.store.frames import HEADER, Kind, framed, head_frame, read_head, read_request, request_frame

REQUESTS: list[Request] = [
    StatusRequest(),
    InstrumentsRequest(3),
    CandlesRequest(
        asset_class=AssetClass.STOCKS,
        symbol="SPY",
        resolution_s=60,
        start_s=0,
        end_s=86_400,
        prices=("bid", "mid"),
        format=Format.PARQUET,
        known=True,
        received_before_us=1_767_600_000_000_001,
    ),
    TicksRequest(
        asset_class=AssetClass.CRYPTO,
        symbol="BTCUSD",
        start_s=None,
        end_s=7,
        first="0mws6fkir:1",
        last=None,
        after="0mws6fkir:9999999999999999999",
        cursor="AAAA",
        limit=None,
        sides=Sides.ANY,
        format=Format.CSV,
    ),
]


def test_a_frame_is_its_kind_its_length_and_its_body() -> None:
    assert framed(Kind.CHUNK, b"abc") == b"\x03\x03\0\0\0abc"
    assert framed(Kind.END) == b"\x04\0\0\0\0"


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: type(each).__name__)
def test_a_request_is_what_was_asked(request_: Request) -> None:
    frame = request_frame(request_)
    kind, length = HEADER.unpack_from(frame)
    assert (kind, length) == (Kind.REQUEST, len(frame) - HEADER.size)
    assert read_request(frame[HEADER.size :]) == request_


@pytest.mark.parametrize(
    "head", [Head(), Head(status=404, reason="r", message="m", media_type="t", length=9)]
)
def test_a_head_is_what_was_answered(head: Head) -> None:
    frame = head_frame(head)
    assert frame[0] == Kind.HEAD
    assert read_head(frame[HEADER.size :]) == head


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode({"type": "erase"}),
        msgspec.msgpack.encode({"type": "instruments"}),
        msgspec.msgpack.encode({"type": "instruments", "after": "none"}),
        msgspec.msgpack.encode([1, 2]),
    ],
)
def test_what_is_no_request_is_not_read(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_request(body)
