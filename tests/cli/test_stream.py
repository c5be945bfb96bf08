"""`stream` as a process, against a small real server that speaks the shapes of v1."""

import asyncio
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from tradewatch.protocol.refusal import Refusal

KEY = "tw_key_secret"
QUOTE = '{"symbol":"%s","timestamp":"1767389239253","ask":"61837.64","bid":"61837.63","mid":"61837.635"}'


class Done(NamedTuple):
    """How a run of the program ended."""

    code: int | None
    stdout: str
    stderr: str


class FakeServer:
    """Subscribes what it knows, sends `quotes` quotes of it, and then does what `ending` does."""

    def __init__(self) -> None:
        self.known = {"BTCUSD", "ETHUSD"}
        self.quotes = 1
        self.greeting: list[str] = ['{"event":"status","symbols":[]}']
        self.refusal: Response | None = None
        self.headers: dict[str, str] = {}
        self.ending: Callable[[ServerConnection], Awaitable[None]] = _wait_for_the_client
        self.requests: list[Request] = []
        self.messages: list[dict[str, object]] = []
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self.port}"

    def process_request(self, _: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        return self.refusal

    def process_response(self, _: ServerConnection, __: Request, response: Response) -> None:
        response.headers.update(self.headers)

    async def handle(self, connection: ServerConnection) -> None:
        for message in self.greeting:
            await connection.send(message)
        message = json.loads(await connection.recv())
        self.messages.append(message)
        symbols = message["symbols"]
        unknown = [symbol for symbol in symbols if symbol.upper() not in self.known]
        if unknown:
            error = {
                "event": "error",
                "code": "unknown_symbol",
                "message": "no such symbol",
                "symbols": unknown,
            }
            await connection.send(json.dumps(error))
        taken = [symbol for symbol in symbols if symbol not in unknown]
        await connection.send(json.dumps({"event": "status", "symbols": taken}))
        for n in range(self.quotes if taken else 0):
            await connection.send(QUOTE % taken[n % len(taken)])
        await self.ending(connection)

    def serve(self, tls: ssl.SSLContext | None = None) -> serve:
        """The server, to be entered."""
        return serve(
            self.handle,
            "127.0.0.1",
            0,
            ssl=tls,
            process_request=self.process_request,
            process_response=self.process_response,
        )

    def listens(self, server: Server) -> None:
        """Take note of the port."""
        self.port = next(iter(server.sockets)).getsockname()[1]


async def _wait_for_the_client(connection: ServerConnection) -> None:
    await connection.wait_closed()


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    """A server that runs."""
    fake = FakeServer()
    async with fake.serve() as listening:
        fake.listens(listening)
        yield fake


async def start(environment: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    """The program, running."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tradewatch", "stream", *arguments),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def stream(clean_environment: dict[str, str]) -> Callable[..., Awaitable[Done]]:
    """Runs the program to its end."""

    async def run(*arguments: str, environ: dict[str, str] | None = None) -> Done:
        process = await start(clean_environment | (environ or {}), *arguments)
        stdout, stderr = await asyncio.wait_for(process.communicate(), 60)
        return Done(process.returncode, stdout.decode(), stderr.decode())

    return run


Stream = Callable[..., Awaitable[Done]]


class TestQuotes:
    async def test_are_printed_as_received(self, server: FakeServer, stream: Stream) -> None:
        server.quotes = 5
        done = await stream("--url", server.url, "--count", "3", "crypto", "BTCUSD", "ethusd")
        assert done == Done(0, "".join(QUOTE % s + "\n" for s in ("BTCUSD", "ethusd", "BTCUSD")), "")
        assert server.messages == [{"action": "subscribe", "symbols": ["BTCUSD", "ethusd"]}]
        assert [request.path for request in server.requests] == ["/crypto/quotes"]

    async def test_exact_text_is_kept(self, server: FakeServer, stream: Stream) -> None:
        quote = '{ "symbol":"É", "bid" :"1.10", "new": {"a": [1.0]} }'
        server.greeting = [quote]
        done = await stream(
            "--url", server.url, "--count", "1", "crypto", "BTCUSD", environ={"PYTHONUTF8": "1"}
        )
        assert done == Done(0, quote + "\n", "")

    async def test_other_events_are_not_printed(self, server: FakeServer, stream: Stream) -> None:
        server.greeting = [
            '{"event":"pong","timestamp":"1"}',
            '{"event":"status","symbols":[]}',
            '{"event":"new"}',
        ]
        done = await stream("--url", server.url, "--count", "1", "crypto", "BTCUSD")
        assert done == Done(0, QUOTE % "BTCUSD" + "\n", "")

    async def test_snapshots_are_asked_for(self, server: FakeServer, stream: Stream) -> None:
        await stream("--url", server.url, "--count", "1", "--snapshot", "crypto", "BTCUSD")
        assert server.messages == [{"action": "subscribe", "symbols": ["BTCUSD"], "snapshot": True}]

    async def test_many_symbols_are_subscribed_in_parts(self, server: FakeServer, stream: Stream) -> None:
        symbols = [f"S{n}" for n in range(150)]
        server.known = set(symbols)

        async def read_on(connection: ServerConnection) -> None:
            server.messages.append(json.loads(await connection.recv()))

        server.ending = read_on
        await stream("--url", server.url, "crypto", *symbols)
        assert [message["symbols"] for message in server.messages] == [symbols[:100], symbols[100:]]

    @pytest.mark.parametrize(
        ("scheme", "prefix", "asset_class", "path"),
        [
            ("ws", "", "all", "/"),
            ("http", "/", "all", "/"),
            ("http", "/a/b", "all", "/a/b/"),
            ("ws", "/a/b/", "stocks", "/a/b/stocks/quotes"),
            ("ws", "/a?x=1", "stocks", "/a/stocks/quotes?x=1"),
        ],
    )
    async def test_address(
        self, server: FakeServer, stream: Stream, scheme: str, prefix: str, asset_class: str, path: str
    ) -> None:
        url = f"{scheme}://localhost:{server.port}{prefix}"
        done = await stream(asset_class, "BTCUSD", "--count=1", environ={"TRADEWATCH_URL": url})
        assert done == Done(0, QUOTE % "BTCUSD" + "\n", "")
        assert [request.path for request in server.requests] == [path]

    async def test_simulated_prices_are_announced(self, server: FakeServer, stream: Stream) -> None:
        server.headers = {"tradewatch-simulated": "true"}
        done = await stream("--url", server.url, "--count", "1", "crypto", "BTCUSD")
        assert done == Done(0, QUOTE % "BTCUSD" + "\n", "the prices of this server are simulated\n")

    @pytest.mark.parametrize(
        ("option", "environ", "keys"),
        [
            ([], {}, []),
            (["--api-key", KEY], {}, [KEY]),
            ([], {"TRADEWATCH_API_KEY": KEY}, [KEY]),
            (["--api-key", KEY], {"TRADEWATCH_API_KEY": "other"}, [KEY]),
            ([], {"TRADEWATCH_API_KEY": ""}, []),
        ],
    )
    async def test_key_goes_into_the_header(
        self, server: FakeServer, stream: Stream, option: list[str], environ: dict[str, str], keys: list[str]
    ) -> None:
        await stream("--url", server.url, "--count", "1", *option, "crypto", "BTCUSD", environ=environ)
        assert server.requests[0].headers.get_all("api-key") == keys


class TestUnknownSymbols:
    async def test_some_are_named_and_the_rest_streams(self, server: FakeServer, stream: Stream) -> None:
        done = await stream("--url", server.url, "--count", "1", "crypto", "btcusx", "BTCUSD")
        assert done == Done(0, QUOTE % "BTCUSD" + "\n", "unknown_symbol: no such symbol (btcusx)\n")

    async def test_all_end_the_program(self, server: FakeServer, stream: Stream) -> None:
        done = await stream("--url", server.url, "crypto", "BTCUSX", "ETHUSX")
        assert (done.code, done.stdout) == (1, "")
        assert done.stderr.splitlines() == [
            "unknown_symbol: no such symbol (BTCUSX, ETHUSX)",
            "tradewatch: the server streams none of these symbols",
        ]


def _answer(status: int, body: bytes, **headers: str) -> Response:
    """An HTTP answer of the fake server."""
    fields = {"Content-Length": str(len(body)), **{n.replace("_", "-"): v for n, v in headers.items()}}
    return Response(status, HTTPStatus(status).phrase, Headers(fields), body)


def _refused(status: int, reason: str, message: str, retry_after_s: int | None = None) -> Response:
    """A refusal as the server writes them."""
    refusal = Refusal(status, reason, message, retry_after_s)
    return Response(status, refusal.phrase, Headers(refusal.headers), refusal.body)


class TestRefusals:
    @pytest.mark.parametrize(
        ("refusal", "line"),
        [
            (_refused(401, "key_unknown", "no such key"), "401 key_unknown: no such key"),
            (_refused(404, "not_found", "nothing here"), "404 not_found: nothing here"),
            (
                _refused(429, "too_many_connections", "10 are open", 7),
                "429 too_many_connections: 10 are open (again in 7 s)",
            ),
            (_refused(503, "draining", "going away", 3), "503 draining: going away (again in 3 s)"),
            (_answer(502, b"<html>"), "the answer is 502 Bad Gateway, not a stream"),
            (_answer(403, b'{"error":"no\x1b"}'), "the answer is 403 Forbidden, not a stream"),
            (_answer(200, b"{}"), "the answer is 200 OK, not a stream"),
            (_answer(302, b"", Location="ws://127.0.0.2:1/"), "the answer is 302 Found, not a stream"),
        ],
    )
    async def test_are_one_line(
        self, server: FakeServer, stream: Stream, refusal: Response, line: str
    ) -> None:
        server.refusal = refusal
        done = await stream("--url", server.url, "crypto", "BTCUSD", environ={"TRADEWATCH_API_KEY": KEY})
        assert done == Done(1, "", f"tradewatch: {line}\n")

    async def test_nobody_listens(self, stream: Stream) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{bound.getsockname()[1]}"
            done = await stream("--url", f"ws://me:{KEY}@{address}/p?api-key={KEY}", "crypto", "BTCUSD")
        line = f"tradewatch: cannot reach ws://{address}/p/crypto/quotes: connection refused\n"
        assert done == Done(1, "", line)

    async def test_who_listens_speaks_something_else(self, stream: Stream) -> None:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example ESMTP\r\n")
            writer.close()

        async with await asyncio.start_server(greet, "127.0.0.1", 0) as other:
            url = f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}"
            done = await stream("--url", url, "crypto", "BTCUSD")
        assert (done.code, done.stdout) == (1, "")
        assert done.stderr.startswith(f"tradewatch: {url}/crypto/quotes does not speak WebSocket: ")
        assert done.stderr.count("\n") == 1

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--url", "example.com"],
            ["--url", "ftp://example.com"],
            ["--url", "ws://:80"],
            ["--url", "ws://[::1"],
            ["--url", "ws://h:x"],
        ],
    )
    async def test_urls_that_are_none(self, stream: Stream, arguments: list[str]) -> None:
        done = await stream(*arguments, "crypto", "BTCUSD")
        line = "the URL of the server must be like ws://127.0.0.1:8000 or https://example.com/prefix"
        assert done == Done(2, "", f"tradewatch: {line}\n")

    @pytest.mark.parametrize("key", ["a\nb", "schlüssel"])
    async def test_keys_that_are_none_are_not_shown(self, stream: Stream, key: str) -> None:
        done = await stream("--api-key", key, "crypto", "BTCUSD", environ={"PYTHONUTF8": "1"})
        assert done == Done(2, "", "tradewatch: the API key holds characters that no key has\n")


class TestEndings:
    @pytest.mark.parametrize(
        ("code", "reason", "line"),
        [
            (4500, "key_revoked", "the server closed the connection: 4500 key_revoked"),
            (1001, "going_away", "the server closed the connection: 1001 going_away"),
            (1000, "", "the server closed the connection: 1000"),
        ],
    )
    async def test_a_close_is_named(
        self, server: FakeServer, stream: Stream, code: int, reason: str, line: str
    ) -> None:
        async def close(connection: ServerConnection) -> None:
            await connection.close(code, reason)

        server.ending = close
        done = await stream("--url", server.url, "crypto", "BTCUSD")
        assert done == Done(1, QUOTE % "BTCUSD" + "\n", f"tradewatch: {line}\n")

    async def test_a_lost_connection(self, server: FakeServer, stream: Stream) -> None:
        async def abort(connection: ServerConnection) -> None:
            connection.transport.abort()

        server.quotes, server.ending = 0, abort
        done = await stream("--url", server.url, "crypto", "BTCUSD")
        assert done == Done(1, "", "tradewatch: the connection to the server is lost\n")

    async def test_what_is_no_message(self, server: FakeServer, stream: Stream) -> None:
        server.greeting = ["hello"]
        done = await stream("--url", server.url, "crypto", "BTCUSD")
        assert (done.code, done.stdout) == (1, "")
        assert done.stderr.startswith("tradewatch: the server sent what is no message of the stream: ")
        assert done.stderr.count("\n") == 1

    async def test_an_interrupt_is_quiet(self, server: FakeServer, clean_environment: dict[str, str]) -> None:
        process = await start(clean_environment, "--url", server.url, "crypto", "BTCUSD")
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readline(), 60)
        process.send_signal(signal.SIGINT)
        stdout, stderr = await asyncio.wait_for(process.communicate(), 60)
        assert Done(process.returncode, stdout.decode(), stderr.decode()) == Done(130, "", "")

    async def test_each_quote_is_flushed_and_a_reader_may_leave(
        self, server: FakeServer, clean_environment: dict[str, str]
    ) -> None:
        left = asyncio.Event()

        async def send_once_more(connection: ServerConnection) -> None:
            await left.wait()
            await connection.send(QUOTE % "ETHUSD")
            await connection.wait_closed()

        server.ending = send_once_more
        reading, writing = socket.socketpair()
        with reading, writing:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tradewatch", "stream", "--url", server.url, "crypto", "BTCUSD"),
                env=clean_environment,
                stdout=writing,
                stderr=subprocess.PIPE,
            )
            writing.close()
            reading.setblocking(False)
            loop = asyncio.get_running_loop()
            assert (
                await asyncio.wait_for(loop.sock_recv(reading, 4096), 60)
                == (QUOTE % "BTCUSD" + "\n").encode()
            )
        left.set()
        _, stderr = await asyncio.wait_for(process.communicate(), 60)
        assert (process.returncode, stderr) == (0, b"")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate with its key in front of it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the program openssl is not on this machine")
    both = tmp_path_factory.mktemp("tls") / "both.pem"
    alone = both.with_name("certificate.pem")
    command = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split()
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", both, "-out", alone], check=True, capture_output=True)
    both.write_text(both.read_text() + alone.read_text())
    return both


class TestTls:
    @pytest.fixture
    async def secure(self, certificate: Path) -> AsyncIterator[FakeServer]:
        """A server behind TLS."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        fake = FakeServer()
        async with fake.serve(context) as listening:
            fake.listens(listening)
            yield fake

    async def test_a_certificate_of_ones_own(
        self, secure: FakeServer, stream: Stream, certificate: Path
    ) -> None:
        url = f"https://127.0.0.1:{secure.port}"
        done = await stream("--url", url, "--cacert", str(certificate), "--count", "1", "crypto", "BTCUSD")
        assert done == Done(0, QUOTE % "BTCUSD" + "\n", "")

    async def test_an_unknown_certificate(self, secure: FakeServer, stream: Stream) -> None:
        address = f"wss://127.0.0.1:{secure.port}"
        done = await stream("--url", address, "crypto", "BTCUSD")
        line = (
            f"cannot reach {address}/crypto/quotes: its certificate is not trusted: self-signed certificate"
        )
        assert (done.code, done.stdout) == (1, "")
        assert done.stderr.replace("self signed", "self-signed") == f"tradewatch: {line}\n"

    @pytest.mark.parametrize("content", [None, "no certificate"])
    async def test_a_file_without_certificates(
        self, secure: FakeServer, stream: Stream, tmp_path: Path, content: str | None
    ) -> None:
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_text(content)
        address = f"wss://127.0.0.1:{secure.port}"
        done = await stream("--url", address, "--cacert", str(path), "crypto", "BTCUSD")
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr.startswith(f"tradewatch: {path} cannot be used as certificates: ")
        assert done.stderr.count("\n") == 1
