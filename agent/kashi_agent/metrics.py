"""Loopback metrics: the status file's numbers in the Prometheus text format.

Off unless `metrics.listen` names a loopback address. It reads the file the agent writes anyway, so
a scrape can neither block the agent nor ask anything of it.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from kashi_agent.errors import AgentError
from kashi_agent.status import AgentStatus, read_status

_COUNTS = {
    "samples": "Device samples taken since the agent started.",
    "samples_late": "Samples dropped because a later one came first.",
    "durable_flushes": "Times everything measured became durable.",
    "delivered_reports": "Reports the server acknowledged since the agent started.",
    "quarantined_reports": "Of them: stored, but not counted until an officer decides.",
}
_LEVELS = {
    "devices": "Devices in the meter's last reading.",
    "waiting_readings": "Readings in memory that no disk has taken yet.",
    "unacknowledged_reports": "Sealed reports the server has yet to acknowledge.",
    "disk_full": "1 while the disk takes no more.",
}


def metrics_text(status: AgentStatus) -> str:
    """A status in the Prometheus text format."""
    lines = []
    for names, kind, suffix in ((_COUNTS, "counter", "_total"), (_LEVELS, "gauge", "")):
        for name, words in names.items():
            metric = f"kashi_agent_{name}{suffix}"
            value = int(getattr(status, name))
            lines += [f"# HELP {metric} {words}", f"# TYPE {metric} {kind}", f"{metric} {value}"]
    return "\n".join(lines) + "\n"


class MetricsServer:
    """Serves /metrics in a thread of its own, as a context; does nothing without an address."""

    def __init__(self, address: tuple[str, int] | None, status_path: Path) -> None:
        self._server: ThreadingHTTPServer | None = None
        if address is not None:
            self._server = ThreadingHTTPServer(address, _handler(status_path))
            self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """The port it listens at, 0 when it does not."""
        return 0 if self._server is None else self._server.server_address[1]

    def __enter__(self) -> Self:
        if self._server is not None:
            threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _handler(status_path: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(404)
                return
            try:
                body = metrics_text(read_status(status_path)).encode()
            except AgentError as error:
                self.send_error(503, explain=str(error))  # a reason line has no Chinese
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Scrapes are not logged."""

    return Handler
