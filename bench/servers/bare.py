"""A bare FastAPI application with the same answer for everybody: what the framework itself costs."""

import argparse
import asyncio
import socket
from pathlib import Path

import uvicorn
import uvloop
from fastapi import FastAPI, Response


def build(body: bytes) -> FastAPI:
    """An application whose only route answers these bytes."""
    app = FastAPI()

    @app.get("/{asset_class}/quotes")
    async def quotes() -> Response:
        return Response(body, media_type="application/json")

    return app


async def serve(body: bytes) -> None:
    """Serve until the process ends, with the settings that ours has."""
    config = uvicorn.Config(
        build(body),
        http="httptools",
        ws="none",
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_keep_alive=60,
    )
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        print(f"listens on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        await uvicorn.Server(config).serve([listening])


def main() -> None:
    """Serve the bytes of a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--body", type=Path, required=True)
    body = parser.parse_args().body.read_bytes()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(body))


if __name__ == "__main__":
    main()
