"""`nvitop-exporter` as a process beside a test or a benchmark, on a port the kernel chose."""

import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psutil
from consumers import installed

START_SECONDS_MAX: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """A running exporter."""

    pid: int
    port: int

    def scrape(self) -> str:
        """Its metrics, as Prometheus gets them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            text: bytes = answer.read()
        return text.decode()


def exporter_program() -> str | None:
    """The program, beside this Python or on the path; None when it is not installed."""
    return installed("nvitop-exporter")


@contextmanager
def running_exporter(program: str, environ: Mapping[str, str]) -> Iterator[Exporter]:
    """Run the exporter at its default of one collection a second; ended on leaving."""
    process = subprocess.Popen(
        [program, "--port", "0"],
        env=dict(environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Exporter(pid=process.pid, port=_listening_port(process))
    finally:
        process.terminate()
        process.wait(START_SECONDS_MAX)


def _listening_port(process: subprocess.Popen[bytes]) -> int:
    """The port it listens on, once it does: it prints only what it was asked for."""
    watched = psutil.Process(process.pid)
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        for connection in watched.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                return int(connection.laddr.port)
        time.sleep(0.05)  # nothing to wait on: the program does not say when it listens
    raise RuntimeError(f"nvitop-exporter does not listen (exit status {process.poll()})")
