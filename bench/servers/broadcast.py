"""`websockets.broadcast` on uvloop: one call per quote, to the connections that asked for its symbol."""

import asyncio
import http
import json
from collections import defaultdict

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.http11 import Request, Response

from bench.servers.schedule import Options, Schedule, metrics


async def run(options: Options) -> None:
    """Serve until the process ends."""
    members: defaultdict[str, set[ServerConnection]] = defaultdict(set)
    schedule = Schedule(options)

    async def handle(connection: ServerConnection) -> None:
        async for message in connection:
            for name in json.loads(message)["symbols"]:
                members[name].add(connection)
            await connection.send('{"event":"status"}')
        for connections in members.values():
            connections.discard(connection)

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        if request.path != "/metrics":
            return None
        return connection.respond(http.HTTPStatus.OK, metrics(given=schedule.given, flushes=schedule.given))

    async with serve(
        handle, "127.0.0.1", 0, process_request=answer, compression=None, ping_interval=None, backlog=2048
    ) as server:
        print(f"listens on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        while True:
            for name, payload in schedule.due():
                broadcast(members[name], payload)
            await asyncio.sleep(0 if schedule.behind() else options.cadence_ms / 1_000)


if __name__ == "__main__":
    uvloop.run(run(Options.read()))
