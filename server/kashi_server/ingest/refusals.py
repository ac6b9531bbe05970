"""Refusals: one clear status for the caller, one line in the log, one count."""

import logging
from collections.abc import Callable
from typing import Final

import grpc

from kashi_server.ingest.metrics import IngestMetrics

QUIET_MS: Final = 60_000
"""The same refusal of the same caller is logged once in this time."""

CALLERS_KEPT_MAX: Final = 4096

_LOG = logging.getLogger(__name__)


class Refusal(Exception):
    """A call ends here, with a status and a sentence for the caller."""

    def __init__(self, status: grpc.StatusCode, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Refusals:
    """Counts refusals and logs each once.

    Args:
        metrics: where they are counted.
        monotonic_ms: milliseconds that never step.
    """

    def __init__(self, metrics: IngestMetrics, monotonic_ms: Callable[[], int]) -> None:
        self._metrics = metrics
        self._monotonic_ms = monotonic_ms
        self._last: dict[tuple[str, str], tuple[int, int]] = {}

    def note(self, what: str, detail: str, caller: str) -> None:
        """Count a refusal; log it unless the same caller had the same within a minute.

        Args:
            what: the gRPC status, or `report_rejected` and the like.
            detail: what the caller was told.
            caller: who it was.
        """
        self._metrics.refusals.labels(what).inc()
        now, key = self._monotonic_ms(), (caller, detail)
        last, silent = self._last.get(key, (-QUIET_MS, 0))
        if now - last < QUIET_MS:
            self._last[key] = (last, silent + 1)
            return
        if len(self._last) >= CALLERS_KEPT_MAX:
            self._last.clear()
        self._last[key] = (now, 0)
        again = f" ({silent} more of the same since)" if silent else ""
        _LOG.warning("refused %s: %s: %s%s", caller, what, detail[:500], again)
