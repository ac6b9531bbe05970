"""How long an agent is away when it is killed: the real process, killed and started again, until it
says that it is ready, which is after its first write."""

import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from agent_process import AgentProcess
from fixtures_server import KashiServer
from prepared_host import enrolled_store

LIFE_SECONDS_MAX = 1.0
READY_SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class Restarts:
    """Milliseconds from the start of the process to its being ready."""

    restarts: int
    p50_ms: int
    p99_ms: int
    max_ms: int


def restarted(count: int, server: KashiServer, folder: Path, *, seed: int) -> Restarts:
    """So many kills, each after a random part of a second, and what the next start took."""
    chance, took_ms = Random(seed), []
    enrolled_store(server, folder / "state" / "identity", "restarts", chance)
    with tempfile.TemporaryDirectory(prefix="kashi-restarts-") as short, _manager(short) as manager:
        agent = AgentProcess(
            folder=folder,
            socket_path=Path(short) / "meter.sock",
            environment={**os.environ, "NOTIFY_SOCKET": f"{short}/notify"},
        )
        try:
            for _ in range(count):
                began = time.monotonic()
                agent.start()
                while not manager.recv(4096).startswith(b"READY=1"):
                    continue
                took_ms.append(round((time.monotonic() - began) * 1000))
                time.sleep(chance.uniform(0, LIFE_SECONDS_MAX))
                agent.kill()
        finally:
            agent.end()
    return summed_up(took_ms)


def summed_up(took_ms: list[int]) -> Restarts:
    """The middle, the hundredth from the top, and the longest."""
    ordered = sorted(took_ms)
    count = len(ordered)
    return Restarts(
        restarts=count,
        p50_ms=ordered[(count - 1) // 2],
        p99_ms=ordered[-(-count * 99 // 100) - 1],
        max_ms=ordered[-1],
    )


@contextmanager
def _manager(short: str) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(f"{short}/notify")
        listening.settimeout(READY_SECONDS_MAX)
        yield listening
