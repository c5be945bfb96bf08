"""The service over real sockets: whoever leaves, dawdles or talks nonsense is alone with it."""

import os
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tests.store.conftest import wait_until

from tradewatch.errors import HistoryError
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
from tradewatch.store.address import reachable_path, socket_path
from tradewatch.store.answers import Answer
from tradewatch.store.frames import HEADER, MAX_REQUEST_BYTES, Kind, framed, read_head, request_frame
from tradewatch.store.service import Service

Serve = Callable[[Callable[[Request], Answer]], Service]
PIECE = b"x" * (256 << 10)
BUSY = Head(status=503, reason="history_unavailable", message="the history has too much to answer at once")

PAGE = TicksRequest(
    asset_class=AssetClass.CRYPTO,
    symbol="BTCUSD",
    start_s=0,
    end_s=1,
    first=None,
    last=None,
    after=None,
    cursor=None,
    limit=1,
    sides=Sides.BOTH,
    format=Format.JSON,
)
EXPORT = CandlesRequest(
    asset_class=AssetClass.CRYPTO,
    symbol="BTCUSD",
    resolution_s=60,
    start_s=0,
    end_s=1,
    prices=("bid",),
    format=Format.CSV,
)


def connect(history: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    with reachable_path(socket_path(history)) as name:
        client.connect(name)
    return client


def ask(history: Path, request: Request) -> socket.socket:
    client = connect(history)
    client.sendall(request_frame(request))
    return client


def read(client: socket.socket) -> list[tuple[Kind, bytes]]:
    """All frames until the other side closes."""
    with client, client.makefile("rb") as stream:
        frames: list[tuple[Kind, bytes]] = []
        while header := stream.read(HEADER.size):
            kind, length = HEADER.unpack(header)
            frames.append((Kind(kind), stream.read(length)))
        return frames


def heads(client: socket.socket) -> list[Head]:
    """The heads of an answer that was finished."""
    frames = read(client)
    assert frames[-1] == (Kind.END, b"")
    return [read_head(body) for kind, body in frames if kind is Kind.HEAD]


class Held:
    """Answers that go on when they are let.

    Attributes:
        begun: what was asked, once its answer is on its way.
        ended: how many answers are over, however they ended.
    """

    def __init__(self) -> None:
        self.begun: list[Request] = []
        self.ended = 0
        self.go_on = threading.Event()

    def answer(self, request: Request) -> Generator[Head | bytes]:
        self.begun.append(request)
        try:
            yield Head()
            assert self.go_on.wait(20)
            yield b"done"
        finally:
            self.ended += 1


@pytest.fixture
def held() -> Generator[Held]:
    held = Held()
    yield held
    held.go_on.set()


def endless(request: Request) -> Answer:
    yield Head(media_type=type(request).__name__)
    if isinstance(request, StatusRequest):
        return
    while True:
        yield PIECE


def test_an_answer_is_a_head_chunks_and_an_end(serve: Serve, history: Path) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Answer:
        asked.append(request)
        yield Head(length=5)
        yield b"ab"
        yield b""
        yield b"cde"

    serve(answer)
    for request in (StatusRequest(), InstrumentsRequest(9), PAGE, EXPORT):
        (head, *rest) = read(ask(history, request))
        assert (head[0], read_head(head[1])) == (Kind.HEAD, Head(length=5))
        assert rest == [(Kind.CHUNK, b"ab"), (Kind.CHUNK, b""), (Kind.CHUNK, b"cde"), (Kind.END, b"")]
        assert asked[-1] == request


def test_the_socket_is_the_owner_s_alone_and_takes_an_old_one_s_place(serve: Serve, history: Path) -> None:
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(socket_path(history)))
    serve(endless)
    assert socket_path(history).stat().st_mode & 0o777 == 0o600
    assert heads(ask(history, StatusRequest())) == [Head(media_type="StatusRequest")]


def test_a_service_that_was_stopped_takes_nobody(history: Path) -> None:
    service = Service(socket_path(history), endless)
    service.stop()
    service.run()
    with pytest.raises(ConnectionRefusedError):
        connect(history)


def test_a_slow_client_holds_back_itself_alone(serve: Serve, history: Path) -> None:
    serve(endless)
    with closing(ask(history, PAGE)) as slow:
        assert slow.recv(1)
        for _ in range(20):
            assert heads(ask(history, StatusRequest())) == [Head(media_type="StatusRequest")]
        with closing(ask(history, PAGE)) as quick:
            for _ in range(50):
                assert quick.recv(1 << 16)


def test_of_an_answer_that_nobody_takes_no_more_is_made(serve: Serve, history: Path) -> None:
    made: list[Request] = []

    def counted(request: Request) -> Answer:
        for piece in endless(request):
            made.append(request)
            yield piece

    serve(counted)
    with closing(ask(history, PAGE)) as slow:
        assert slow.recv(1)
        wait_until(lambda: made.count(PAGE) > 1)
        for _ in range(50):
            assert heads(ask(history, StatusRequest())) == [Head(media_type="StatusRequest")]
        assert made.count(PAGE) < 8


def test_a_client_that_leaves_ends_its_answer(serve: Serve, history: Path) -> None:
    ended = threading.Event()

    def answer(request: Request) -> Answer:
        try:
            yield from endless(request)
        finally:
            ended.set()

    serve(answer)
    with closing(ask(history, EXPORT)) as leaving:
        assert leaving.recv(1)
    assert ended.wait(20)


def test_those_who_leave_give_their_turn_back(serve: Serve, history: Path) -> None:
    serve(endless)
    for _ in range(12):
        with closing(ask(history, EXPORT)) as leaving:
            assert leaving.recv(1) == bytes([Kind.HEAD])


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        HEADER.pack(Kind.REQUEST, MAX_REQUEST_BYTES + 1),
        HEADER.pack(Kind.CHUNK, 4) + b"abcd",
        framed(Kind.REQUEST, b"\xc1\xc1"),
        framed(Kind.REQUEST, b""),
        framed(Kind.REQUEST, b"\x81\xa4type\xa5erase"),
        request_frame(PAGE)[:-1],
        os.urandom(4096),
    ],
)
def test_nonsense_gets_no_answer_and_harms_nobody(serve: Serve, history: Path, said: bytes) -> None:
    serve(endless)
    client = connect(history)
    client.sendall(said)
    client.shutdown(socket.SHUT_WR)
    with suppress(ConnectionResetError):  # closed with some of it unread
        assert read(client) == []
    assert heads(ask(history, StatusRequest())) == [Head(media_type="StatusRequest")]


def test_who_says_nothing_is_not_waited_for_for_ever(
    serve: Serve, history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.store.service._SOCKET_S", 0.05)
    serve(endless)
    assert read(connect(history)) == []


def test_beyond_the_last_place_clients_are_told_to_come_back(
    serve: Serve, history: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.store.service._MAX_CONNECTIONS", 3)
    serve(held.answer)
    inside = [ask(history, PAGE) for _ in range(3)]
    wait_until(lambda: len(held.begun) == 3)
    for _ in range(3):
        assert heads(ask(history, StatusRequest())) == [BUSY]
    held.go_on.set()
    for client in inside:
        assert read(client)[1:] == [(Kind.CHUNK, b"done"), (Kind.END, b"")]
    wait_until(lambda: heads(ask(history, StatusRequest())) == [Head()])


def test_exports_wait_for_their_turn_and_pages_do_not(
    serve: Serve, history: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.store.service._MAX_EXPORTS", 1)
    serve(held.answer)
    first = ask(history, EXPORT)
    wait_until(lambda: held.begun == [EXPORT])
    second, page = ask(history, EXPORT), ask(history, PAGE)
    wait_until(lambda: held.begun == [EXPORT, PAGE])
    held.go_on.set()
    assert [len(read(client)) for client in (first, second, page)] == [3, 3, 3]
    assert held.begun == [EXPORT, PAGE, EXPORT]


def test_who_waits_too_long_is_told_to_come_back(
    serve: Serve, history: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.store.service._MAX_EXPORTS", 1)
    monkeypatch.setattr("tradewatch.store.service._MAX_PAGES", 1)
    monkeypatch.setattr("tradewatch.store.service._TURN_S", 0.05)
    serve(held.answer)
    for request in (PAGE, EXPORT):
        inside = ask(history, request)
        wait_until(lambda: request in held.begun)  # noqa: B023 - looked at before the next one
        assert heads(ask(history, request)) == [BUSY]
        inside.close()
    held.go_on.set()


def test_how_it_goes_is_answered_whatever_is_read(
    serve: Serve, history: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the keeper would take a store that is at work for one that hangs."""
    monkeypatch.setattr("tradewatch.store.service._MAX_PAGES", 2)

    def answer(request: Request) -> Answer:
        return endless(request) if isinstance(request, StatusRequest) else held.answer(request)

    serve(answer)
    inside = [ask(history, PAGE) for _ in range(4)]
    wait_until(lambda: len(held.begun) == 2)
    assert heads(ask(history, StatusRequest())) == [Head(media_type="StatusRequest")]
    held.go_on.set()
    assert [len(read(client)) for client in inside] == [3] * 4


def test_a_history_that_cannot_be_read_is_said_before_the_head_and_behind_it(
    serve: Serve, history: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(request: Request) -> Answer:
        if isinstance(request, TicksRequest):
            yield Head()
            yield b"some"
        raise HistoryError("/history/1.parquet: it is gone")

    serve(answer)
    (head,) = heads(ask(history, EXPORT))
    assert (head.status, head.reason) == (503, "history_unavailable")
    assert "parquet" not in head.message
    assert [kind for kind, _ in read(ask(history, PAGE))] == [Kind.HEAD, Kind.CHUNK, Kind.CUT]
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert "1.parquet" in caplog.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_in_an_answer_costs_that_answer_and_no_turn(
    serve: Serve, history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.store.service._MAX_PAGES", 1)

    def answer(request: Request) -> Answer:
        if isinstance(request, TicksRequest):
            raise ZeroDivisionError
        yield Head()

    serve(answer)
    for _ in range(3):
        assert read(ask(history, PAGE)) == []
    assert heads(ask(history, StatusRequest())) == [Head()]
