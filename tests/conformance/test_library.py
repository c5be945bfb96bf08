"""A client of another house, the `websockets` package, in conversation with the edge."""

import random
import threading

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.conformance.echo import V2, V2_MSGPACK, EchoServer

SIZES = (0, 1, 125, 126, 65_535, 65_536, 1_000_000)


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("size", SIZES)
def test_text_and_binary_come_back(echo: EchoServer, size: int, compression: str | None) -> None:
    chance = random.Random(size)
    text = "".join(chance.choices("aé€🚀 ", k=size // 4))
    octets = chance.randbytes(size)
    for subprotocol, message in ((V2, text), (V2_MSGPACK, octets)):
        with connect(
            f"ws://127.0.0.1:{echo.port}",
            subprotocols=[Subprotocol(subprotocol)],
            compression=compression,
            proxy=None,
            max_size=2 << 20,
        ) as stream:
            assert stream.subprotocol == subprotocol
            for _ in range(3):
                stream.send(message)
                assert stream.recv(timeout=20) == message
        assert (stream.close_code, stream.close_reason) == (1000, "")


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_fragments_and_pings(echo: EchoServer, compression: str | None) -> None:
    with connect(
        f"ws://127.0.0.1:{echo.port}",
        subprotocols=[Subprotocol(V2)],
        compression=compression,
        proxy=None,
    ) as stream:
        stream.send(["a", "é", "", "€" * 1_000, "🚀"])
        assert stream.recv(timeout=20) == "aé" + "€" * 1_000 + "🚀"
        pongs: list[threading.Event] = [stream.ping(f"{number}") for number in range(10)]
        assert all(pong.wait(20) for pong in pongs)
        stream.send("still here")
        assert stream.recv(timeout=20) == "still here"


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
def test_a_close_of_the_client_is_answered_in_kind(echo: EchoServer, code: int) -> None:
    with connect(f"ws://127.0.0.1:{echo.port}", proxy=None) as stream:
        stream.close(code, "so long")
        assert (stream.close_code, stream.close_reason) == (code, "so long")
        with pytest.raises(ConnectionClosed):
            stream.recv(timeout=20)
