"""A sender of quotes that costs its client nothing: all frames are ready before the first is asked for.

`python -m bench.client_sender QUOTES PER_MESSAGE` prints its port.
"""

import json
import sys

from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tradewatch.protocol.frame import text_frame

SYMBOLS = [f"crypto:SYM{number:05}" for number in range(100)]
_EPOCH = "0mwrzjxgx"
_CHUNK_BYTES = 1 << 16


def main() -> None:
    """Serve until it is ended."""
    quotes, per_message = int(sys.argv[1]), int(sys.argv[2])
    frames = _frames(quotes, per_message)

    def send_all(connection: ServerConnection) -> None:
        connection.send(
            '[{"event":"welcome","session":"s","server_time_ns":"1","heartbeat_s":5,"limits":{}}]'
        )
        request_id = json.loads(connection.recv())["id"]
        results = [
            {
                "asset_class": "crypto",
                "symbol": name.partition(":")[2],
                "ok": True,
                "epoch": _EPOCH,
                "seq": 0,
                "delivery": {"mode": "every"},
            }
            for name in SYMBOLS
        ]
        connection.send(json.dumps([{"event": "subscribed", "id": request_id, "results": results}]))
        for first in range(0, len(frames), _CHUNK_BYTES):
            connection.socket.sendall(frames[first : first + _CHUNK_BYTES])
        for _ in connection:  # until the client has enough
            pass

    subprotocols = [Subprotocol("tradewatch.v2")]
    with serve(send_all, "127.0.0.1", 0, subprotocols=subprotocols, compression=None) as server:
        print(server.socket.getsockname()[1], flush=True)
        server.serve_forever()


def _frames(quotes: int, per_message: int) -> bytes:
    """All messages, as the server would write them."""
    bodies = [
        f'{{"event":"quote","asset_class":"crypto","symbol":"SYM{number % len(SYMBOLS):05}",'
        f'"seq":{number // len(SYMBOLS) + 1},"timestamp":"1767389239253","event_ns":"1767389239253000000",'
        f'"received_ns":"1767389239253{number:06}",'
        f'"bid":"61837.{number % 89 + 10}","ask":"61838.{number % 89 + 10}",'
        f'"mid":"61837.51","source":"simulated","flags":["simulated"]}}'
        for number in range(quotes)
    ]
    return b"".join(
        text_frame(f"[{','.join(bodies[first : first + per_message])}]".encode())
        for first in range(0, quotes, per_message)
    )


if __name__ == "__main__":
    main()
