"""The serving process: every port, the sequencer and the metrics of one server, in one event loop.

Ports open in the order metrics, metering, enrolment, portal and close the other way round: nobody
is enrolled by a server that could not take his reports. Stopping lets calls in flight finish.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from threading import Thread
from typing import Any, Final, Protocol
from wsgiref.simple_server import WSGIServer

import prometheus_client
import uvicorn

from kashi_server.config import Endpoint
from kashi_server.errors import ConfigurationError

GRACE_SECONDS: Final = 10
SEQUENCE_SECONDS: Final = 5.0

AsgiApp = Callable[..., Any]
"""An ASGI application; frameworks stay behind their own doors."""

_LOG = logging.getLogger(__name__)


class Port(Protocol):
    """Something that listens."""

    async def start(self) -> int:
        """Listen; the port that was bound.

        Raises:
            ConfigurationError: the address is taken or is not this machine's.
        """

    async def stop(self) -> None:
        """Refuse new calls, let those in flight finish, close."""


class PortalPort:
    """The portal under uvicorn; `certificate` None serves without TLS, on loopback only."""

    def __init__(self, app: AsgiApp, endpoint: Endpoint, certificate: Path | None) -> None:
        self._endpoint = endpoint
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                ssl_certfile=certificate,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen; the port that was bound."""
        listener = _listener(self._endpoint, "portal")
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
                raise ConfigurationError(
                    "门户在启动时停止，请查看日志。the portal stopped while it started; see the log"
                )
            await asyncio.sleep(0.01)
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        """Refuse new requests, let those in flight finish."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving


class MetricsPort:
    """Prometheus text under /metrics."""

    def __init__(self, registry: prometheus_client.CollectorRegistry, endpoint: Endpoint) -> None:
        self._registry = registry
        self._endpoint = endpoint
        self._running: tuple[WSGIServer, Thread] | None = None

    async def start(self) -> int:
        """Listen; the port that was bound."""
        try:
            self._running = prometheus_client.start_http_server(
                self._endpoint.port, self._endpoint.host, self._registry
            )
        except OSError as error:
            raise _cannot_listen("metrics", self._endpoint, error) from error
        return self._running[0].server_port

    async def stop(self) -> None:
        """Close."""
        if self._running is not None:
            httpd, thread = self._running
            await asyncio.to_thread(httpd.shutdown)
            httpd.server_close()
            await asyncio.to_thread(thread.join)


@asynccontextmanager
async def listening(ports: Mapping[str, Port], numbers: dict[str, int]) -> AsyncIterator[None]:
    """Start ports in order, noting their numbers by family; stop them in the other order."""
    async with AsyncExitStack() as stack:
        for family, port in ports.items():
            numbers[family] = await port.start()
            stack.push_async_callback(port.stop)
        yield


@asynccontextmanager
async def repeating(
    name: str, call: Callable[[], object], executor: Executor, seconds: float = SEQUENCE_SECONDS
) -> AsyncIterator[None]:
    """Call something again and again while the block runs, and once more at its end.

    A database that does not answer, does not hold what it should or refuses is reported each time:
    the ports stay open, because refusing reports would lose what hosts may not be able to keep.
    """
    stop = asyncio.Event()

    async def once() -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(executor, call)
        except Exception:  # the one boundary of this task: whatever failed once is tried again
            _LOG.exception("the %s failed and will try again", name)

    async def loop() -> None:
        while not stop.is_set():
            await once()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), seconds)

    task = asyncio.create_task(loop())
    try:
        yield
    finally:
        stop.set()
        await task
        await once()


@contextlib.contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets, from here on; to be entered in an event loop."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    try:
        yield asked
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals are for the whole process, not for the portal alone.
        yield


def _listener(endpoint: Endpoint, family: str) -> socket.socket:
    kind = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    listener = socket.socket(kind, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((endpoint.host, endpoint.port))
    except OSError as error:
        listener.close()
        raise _cannot_listen(family, endpoint, error) from error
    listener.listen(128)
    return listener


def _cannot_listen(family: str, endpoint: Endpoint, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{family} 端口无法监听 {endpoint}，请修改 server.toml 中的 {family}"
        ".listen。"
        f"the {family} port cannot listen on {endpoint}: {error.strerror}; set {family}.listen"
        " in server.toml"
    )
