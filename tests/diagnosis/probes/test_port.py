"""Looking at ports: free ones, taken ones, and who has them."""

import contextlib
import errno
import http.server
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from tradewatch.diagnosis.port import ServerFacts
from tradewatch.diagnosis.probes import port as probe
from tradewatch.diagnosis.probes.port import look


@contextlib.contextmanager
def answering(bodies: dict[str, tuple[int, bytes]]) -> Iterator[int]:
    """A server with these bodies; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version: ClassVar[str] = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = bodies.get(self.path, (404, b"nothing"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def ready(status: str, trouble: object) -> dict[str, tuple[int, bytes]]:
    return {
        "/health/live": (200, b'{"status":"alive"}'),
        "/health/ready": (200, json.dumps({"status": status, "trouble": trouble}).encode()),
    }


def test_a_free_port_stays_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for _ in range(2):
        found = look("127.0.0.1", port, tls=False)
        assert (found.trouble, found.server, found.served) == ("", None, False)
    assert look("127.0.0.1", 0, tls=False).trouble == ""


@pytest.mark.parametrize("tls", [False, True])
def test_a_server_of_ours_is_known_whatever_the_settings_say_of_tls(tls: bool) -> None:
    with answering(ready("ready", "")) as port:
        found = look("127.0.0.1", port, tls=tls)
    assert (found.error, found.served) == (errno.EADDRINUSE, True)
    assert found.trouble.startswith(f"cannot listen on 127.0.0.1 port {port}: ")
    assert found.server == ServerFacts(ours=True, ready=True)


def test_one_that_is_not_ready_says_why_in_one_line() -> None:
    with answering(ready("not ready", "no canary\n\x1b[31m" + "x" * 1_000)) as port:
        found = look("127.0.0.1", port, tls=False)
    assert found.server is not None
    assert (found.server.ours, found.server.ready) == (True, False)
    assert found.server.trouble.startswith("no canary\\n\\x1b[31mxx")
    assert len(found.server.trouble) == 200


@pytest.mark.parametrize(
    "body",
    [b"hello", b'{"status":"ok"}', b'["alive"]', b"\xff", b"[" * 60_000, b'{"status":"alive"'],
)
def test_another_program_is_not_ours(body: bytes) -> None:
    with answering({"/health/live": (200, body)}) as port:
        assert look("127.0.0.1", port, tls=False).server == ServerFacts(ours=False)


def test_one_that_speaks_no_http_or_nothing_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_ANSWER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = look("127.0.0.1", silent.getsockname()[1], tls=False)
    assert (found.error, found.server) == (errno.EADDRINUSE, None)


def test_an_address_of_another_machine() -> None:
    found = look("192.0.2.1", 8000, tls=False)
    assert found.error in (errno.EADDRNOTAVAIL, errno.EACCES)
    assert (found.server, found.served) == (None, False)
