"""The one thread that writes: calls queue, whatever has queued is taken as one group.

While a group commits, the next one gathers, and after a group of several the writer lingers for a
moment: under load groups grow and the cost of a commit is shared; an idle server answers a lone
call at once. Other work of the database (enrolment, renewal,
sequencing) may take its turn here too: the writer is an `Executor`.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar

import grpc

from kashi_server.errors import Refused, StorageError
from kashi_server.ingest.brought import ForeignHost, brought_host
from kashi_server.ingest.metrics import IngestMetrics
from kashi_server.ingest.peer import Peer
from kashi_server.ingest.refusals import Refusal
from kashi_server.services.hosts import HostStanding, HostState
from kashi_server.services.ingestion import Answer, Failure, Ingestion, Submission
from kashi_server.services.standings import CertificateExpired, HostStandings

GROUP_REPORTS_MAX: Final = 128
"""Reports that may share a unit of work; the last call of a group may exceed it by its own."""

LINGER_SECONDS: Final = 0.004
"""How long a group may gather when the one before had company."""

_LOG = logging.getLogger(__name__)
_Parameters = ParamSpec("_Parameters")
_Value = TypeVar("_Value")

Outcome = Answer | Refusal


@dataclass(slots=True)
class _Call:
    peer: Peer
    host_id: str
    reports: Sequence[bytes]
    answered: "asyncio.Future[Outcome]"


@dataclass(slots=True)
class _Task:
    call: Callable[[], Any]
    done: "Future[Any]"


class Writer(Executor):
    """Answers calls in groups, and runs other tasks between them, in one thread.

    Args:
        ingestion: the use case.
        standings: how hosts stand, at most five seconds old.
        metrics: where groups are counted.
    """

    def __init__(
        self, ingestion: Ingestion, standings: HostStandings, metrics: IngestMetrics
    ) -> None:
        self._ingestion = ingestion
        self._standings = standings
        self._metrics = metrics
        self._queue: queue.SimpleQueue[_Call | _Task | None] = queue.SimpleQueue()
        self._closed = False
        self._ending = threading.Event()
        self._company = False
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="kashi-writer")
        self._thread.start()

    def answer(
        self, peer: Peer, reports: Sequence[bytes], host_id: str = ""
    ) -> "asyncio.Future[Outcome]":
        """Queue a call; its outcome is set once it is durable. To be called in an event loop.

        `host_id`: whose reports these are, if not the caller's.
        """
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._put(_Call(peer, host_id or peer.host_id, reports, answered))
        return answered

    def submit(
        self,
        fn: Callable[_Parameters, _Value],
        /,
        *args: _Parameters.args,
        **kwargs: _Parameters.kwargs,
    ) -> "Future[_Value]":
        """Run something else in the writer's thread when its turn comes."""
        done: Future[_Value] = Future()
        self._put(_Task(lambda: fn(*args, **kwargs), done))
        return done

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take what has queued, then end."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._ending.set()
                self._queue.put(None)
        if wait:
            self._thread.join()

    def _put(self, one: _Call | _Task) -> None:
        with self._closing:
            if self._closed:
                raise RuntimeError("写入线程已停止。the writer was shut down")
            self._queue.put(one)

    def _run(self) -> None:
        while (one := self._queue.get()) is not None:
            after: _Call | _Task | None = one
            if isinstance(one, _Call):
                group, after = self._gather(one)
                self._answer(group)
            if isinstance(after, _Task):
                _run_task(after)
            elif after is None:
                return

    def _gather(self, first: _Call) -> tuple[list[_Call], _Call | _Task | None]:
        """The calls that wait, and what ended them: a task, the end, or (a call) nothing."""
        if self._company:
            self._ending.wait(LINGER_SECONDS)
        group, count = [first], len(first.reports)
        while count < GROUP_REPORTS_MAX:
            try:
                one = self._queue.get_nowait()
            except queue.Empty:
                break
            if not isinstance(one, _Call):
                return group, one
            group.append(one)
            count += len(one.reports)
        self._company = len(group) > 1
        return group, first

    def _answer(self, group: list[_Call]) -> None:
        started = time.perf_counter()
        try:
            outcomes = self._outcomes(group)
        except StorageError as error:
            outcome = Refusal(
                grpc.StatusCode.UNAVAILABLE,
                f"数据库没有应答。the database does not answer: {error}",
            )
            outcomes = [outcome] * len(group)
        except Exception as error:
            self._metrics.faults.inc()
            outcomes = [_unforeseen(error)] * len(group)
        self._metrics.group_seconds.observe(time.perf_counter() - started)
        self._metrics.group_reports.observe(sum(len(call.reports) for call in group))
        _tell(group, outcomes)

    def _outcomes(self, group: Sequence[_Call]) -> list[Outcome]:
        self._standings.look_up_all([(call.peer.host_id, call.peer.serial) for call in group])
        standings = [self._standing(call) for call in group]
        submissions = [
            Submission(standing, call.reports, carried=call.peer.relay)
            for call, standing in zip(group, standings, strict=True)
            if isinstance(standing, HostStanding)
        ]
        answers = iter(self._ingestion.ingest(submissions) if submissions else ())
        return [
            standing if isinstance(standing, Refusal) else _outcome(next(answers))
            for standing in standings
        ]

    def _standing(self, call: _Call) -> HostStanding | Refusal:
        peer = call.peer
        try:
            standing = self._standings.of(peer.host_id, peer.serial)
            if peer.relay:
                standing = self._brought(standing, call.host_id)
        except ForeignHost as foreign:
            return Refusal(grpc.StatusCode.NOT_FOUND, str(foreign))
        except CertificateExpired as expired:
            # It ended between the edge's look and this one; the caller hears the same of both.
            return Refusal(grpc.StatusCode.UNAUTHENTICATED, str(expired))
        except Refused as refused:
            return Refusal(grpc.StatusCode.PERMISSION_DENIED, str(refused))
        if standing.state is HostState.REVOKED:
            return Refusal(
                grpc.StatusCode.PERMISSION_DENIED,
                "本主机已吊销，请以新令牌和新密钥重新接入。"
                "this host is revoked; enrol it with a new token and new keys",
            )
        return standing

    def _brought(self, relay: HostStanding, host_id: str) -> HostStanding:
        """The host a relay speaks for, if it may."""
        if relay.state is not HostState.ACTIVE:
            raise Refused(
                f"此中继{relay.state.zh}，其主机自行保留所计量的数据。"
                f"this relay is {relay.state}; its hosts keep what they measured"
            )
        return brought_host(self._standings, relay, host_id)


def _outcome(answer: Answer | Failure) -> Outcome:
    if isinstance(answer, Failure):
        return Refusal(grpc.StatusCode.INTERNAL, answer.detail)
    return answer


def _unforeseen(error: Exception) -> Refusal:
    _LOG.error("a group of calls failed", exc_info=error)
    return Refusal(
        grpc.StatusCode.INTERNAL,
        "服务器出错，错误已记入服务器日志。the server failed; it is in the server's log",
    )


def _run_task(task: _Task) -> None:
    if not task.done.set_running_or_notify_cancel():
        return
    try:
        value = task.call()
    except BaseException as error:
        task.done.set_exception(error)
    else:
        task.done.set_result(value)


def _tell(group: Sequence[_Call], outcomes: Sequence[Outcome]) -> None:
    """Set outcomes in the event loop of the callers, all at once."""

    def settle() -> None:
        for call, outcome in zip(group, outcomes, strict=True):
            if not call.answered.done():
                call.answered.set_result(outcome)

    group[0].answered.get_loop().call_soon_threadsafe(settle)
