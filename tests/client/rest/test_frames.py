"""Arrow into frames: floats that are the nearest, decimals of any scale, and libraries that are missing."""

import io
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client.rest.fake_api import arrow
from tradewatch.client.rest.frames import PandasFrames, PolarsFrames
from tradewatch.errors import ProtocolViolationError

TIME = ("time", pa.timestamp("s", "UTC"))
BOTH = pytest.mark.parametrize("frames", [PandasFrames, PolarsFrames])


def body(prices: list[Decimal | None], scale: int) -> io.BytesIO:
    schema = pa.schema([TIME, ("bid", pa.decimal128(38, scale))])
    return io.BytesIO(b"".join(arrow([{"time": 0, "bid": bid} for bid in prices], schema)))


@settings(deadline=None, max_examples=60)
@given(
    mantissas=st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1, max_size=30),
    scale=st.integers(0, 18),
)
@BOTH
def test_a_float_is_the_nearest_to_its_decimal(
    frames: Callable[..., PandasFrames], mantissas: list[int], scale: int
) -> None:
    prices = [Decimal(mantissa).scaleb(-scale) for mantissa in mantissas]
    made = frames("float")
    made.add(body(list(prices), scale))
    assert list(made.joined()["bid"]) == [float(str(price)) for price in prices]


@pytest.mark.parametrize("prices", ["float", "decimal"])
@BOTH
def test_answers_of_several_scales_are_joined(frames: Callable[..., PandasFrames], prices: str) -> None:
    made = frames(prices)
    made.add(body([Decimal("1.5"), None], 1))
    made.add(body([Decimal("1.17169")], 5))
    made.add(body([], 3))
    first, missing, last = made.joined()["bid"]
    assert (first, last) == ((1.5, 1.17169) if prices == "float" else (Decimal("1.5"), Decimal("1.17169")))
    assert missing is None or missing != missing


@BOTH
def test_numbers_of_more_digits_than_decimals_have(frames: Callable[..., PandasFrames]) -> None:
    text = "0.0000000000000000000123"
    schema = pa.schema([TIME, ("open_bid", pa.string()), ("source", pa.string())])
    rows = [{"time": 0, "open_bid": text, "source": "1"}, {"time": 0, "open_bid": None, "source": "2"}]
    for prices, number in (("float", float(text)), ("decimal", text)):
        made = frames(prices)
        made.add(io.BytesIO(b"".join(arrow(rows, schema))))
        frame = made.joined()
        assert next(iter(frame["open_bid"])) == number
        assert list(frame["source"]) == ["1", "2"]


@pytest.mark.parametrize("bad", [b"", b"<html>", b"\xff\xff\xff\xff\x10\x00\x00\x00" + b"\x01" * 16])
@BOTH
def test_what_is_no_arrow(frames: Callable[..., PandasFrames], bad: bytes) -> None:
    with pytest.raises(ProtocolViolationError, match="the server's answer is no Arrow stream"):
        frames("float").add(io.BytesIO(bad))


@pytest.mark.parametrize(
    ("missing", "program", "extra"),
    [
        ("httpx", "Api('http://127.0.0.1:1')", "rest"),
        ("httpx", "AsyncApi('http://127.0.0.1:1')", "rest"),
        ("pandas", "Api('http://127.0.0.1:1').ticks('crypto:A', start=0).to_pandas()", "pandas"),
        ("pyarrow", "Api('http://127.0.0.1:1').ticks('crypto:A', start=0).to_pandas()", "pandas"),
        ("polars", "Api('http://127.0.0.1:1').ticks('crypto:A', start=0).to_polars()", "polars"),
    ],
)
def test_a_missing_library_is_named_with_what_installs_it(missing: str, program: str, extra: str) -> None:
    script = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from tradewatch.client import Api, AsyncApi\n"
        "from tradewatch.errors import UsageError\n"
        f"try: {program}\n"
        "except UsageError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    line = f"{missing} is not installed, which this needs: pip install 'tradewatch[{extra}]'\n"
    assert done.stdout == line
