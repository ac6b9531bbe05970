"""`serve`: the serving process, from the directory's lock to the last call in flight."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry

from kashi_server.bootstrap import Server, opened, plug_serving, refresh_server_tls
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory
from kashi_server.config import read_config
from kashi_server.ingest.collector import spare_collector
from kashi_server.notify import Notifier
from kashi_server.presence import announce, exclusive, withdraw
from kashi_server.serving import listening, repeating, stop_signals

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def serve(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """运行服务，直至收到终止信号。
    Serve until SIGTERM or Ctrl-C: metering, enrolment, portal and metrics ports.
    """
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    for chatty in ("alembic", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    with _alone(directory):
        if refresh_server_tls(directory):
            logging.getLogger(__name__).info("the server's TLS certificate was issued anew")
        with opened(directory) as server:
            asyncio.run(_serve(server, Notifier(os.environ)))


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    # PostgreSQL takes several serving processes; SQLite has one writer.
    if read_config(directory).sqlite_path is None:
        yield
        return
    with exclusive(directory, "serve"):
        yield


async def _serve(server: Server, notifier: Notifier) -> None:
    registry, numbers = CollectorRegistry(), dict[str, int]()
    serving = plug_serving(server, registry, numbers)
    try:
        with stop_signals() as asked:
            async with (
                listening(serving.ports, numbers),
                repeating("sequencer", serving.sequence, serving.writer),
            ):
                spare_collector()
                announce(server.directory, numbers)
                notifier.ready(numbers)
                _greet(server, numbers)
                await asked.wait()
                notifier.stopping()
                print(
                    "正在停止，先办完已收到的请求 Stopping: calls in flight are finished.",
                    flush=True,
                )
    finally:
        withdraw(server.directory)
        serving.writer.shutdown()


def _greet(server: Server, numbers: Mapping[str, int]) -> None:
    if server.config.demo:
        print("演示服务器，数据不作凭证 · a demonstration: nothing here is evidence")
    for family, port in numbers.items():
        print(f"{family:<10} {server.reached(family, port)}")
    print("服务已就绪，Ctrl-C 停止 · serving until Ctrl-C")
    print("ready", flush=True)  # alone on its line: what waits for it reads it so
