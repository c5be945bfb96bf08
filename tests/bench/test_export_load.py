"""The load client of exports pulls them to their end, and begins anew."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from bench.export_load import pulling

_BODY = b"x" * 700
_served = threading.Semaphore(0)


def test_exports_are_pulled_to_their_end_and_begun_anew() -> None:
    refusals = 3
    with _exporting(refusals) as port, pulling(port, "key", ["/a", "/b"], core=0) as running:
        while _served.acquire(blocking=False):
            pass
        for _ in range(6):
            assert _served.acquire(timeout=20)
    pulled = running.pulled
    assert pulled.done >= 2
    assert pulled.refused <= refusals
    assert pulled.bytes >= (pulled.done - 2) * len(_BODY)  # two may have begun before it counted
    assert pulled.seconds > 0


@contextmanager
def _exporting(refusals: int) -> Iterator[int]:
    """A server that refuses at first."""
    asked = count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            refused = next(asked) < refusals
            self.send_response(503 if refused else 200)
            self.end_headers()
            self.wfile.write(b"" if refused else _BODY)
            if not refused:
                _served.release()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
