"""uWebSockets through socketify: a topic per symbol, one `publish` per quote; it batches the writes."""

import asyncio
import json
import socket
from typing import Any

from socketify import App, OpCode  # type: ignore[import-not-found]  # only where somebody installed it

from bench.servers.schedule import Options, Schedule, metrics

#: Beyond so many unsent bytes the library leaves messages to a connection out, and does not say so.
_UNSENT_BYTES = 16 << 20


def run(options: Options) -> None:
    """Serve until the process ends."""
    app = App()
    schedule = Schedule(options)

    def take(stream: Any, message: str, _: OpCode) -> None:
        for name in json.loads(message)["symbols"]:
            stream.subscribe(name)
        stream.send('{"event":"status"}', OpCode.TEXT)

    async def publish() -> None:
        while True:
            for name, payload in schedule.due():
                app.publish(name, payload, OpCode.TEXT)
            await asyncio.sleep(0 if schedule.behind() else options.cadence_ms / 1_000)

    app.ws("/*", {"message": take, "max_backpressure": _UNSENT_BYTES})
    app.get("/metrics", lambda answer, _: answer.end(metrics(given=schedule.given, flushes=0)))
    app.listen(_free_port(), lambda config: print(f"listens on http://127.0.0.1:{config.port}", flush=True))
    app.loop.create_background_task(publish)
    app.run()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    run(Options.read())
