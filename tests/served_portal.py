"""A portal served on a loopback port the kernel chose, in a thread of its own, for a browser."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI

START_SECONDS_MAX: Final = 30.0


class _Serving(uvicorn.Server):
    """Tells when it listens."""

    listens: threading.Event

    async def startup(self, sockets: object = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets=None)
        self.listens.set()


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address; it is served until the context is left."""
    server = _Serving(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    server.listens = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        assert server.listens.wait(START_SECONDS_MAX)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS_MAX)
