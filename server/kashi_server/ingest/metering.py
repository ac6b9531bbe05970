"""The metering port: every call shows who it is, reports go to the writer, receipts come back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc
from cryptography.hazmat.primitives.asymmetric import ec
from kashi import limits
from kashi.v1.report_pb2 import Signature

from kashi_server.domain.sequence import Verdict
from kashi_server.errors import InvalidValue, Refused, StorageError
from kashi_server.ingest.brought import ForeignHost, brought_host
from kashi_server.ingest.metrics import IngestMetrics
from kashi_server.ingest.peer import Peer, Peers
from kashi_server.ingest.refusals import Refusal, Refusals
from kashi_server.ingest.translation import (
    renewal_from_request,
    reports_from_request,
    response_from_answer,
    response_from_chain,
)
from kashi_server.ingest.writer import Writer
from kashi_server.services.enrolment import Enrolment
from kashi_server.services.hosts import HostState
from kashi_server.services.ingestion import Answer
from kashi_server.services.notices import sign_notice
from kashi_server.services.standings import HostStandings

SERVICE: Final = "kashi.v1.MeteringService"

Context = grpc.aio.ServicerContext[Any, Any]


class Metering:
    """Answers Submit and Renew. Requests are taken as bytes, so that refusing costs little.

    Args:
        writer: answers submissions and runs renewals.
        standings: how hosts stand, at most five seconds old.
        enrolment: renews certificates.
        refusals: logs and counts.
        metrics: counts what became of reports.
        clock: UTC milliseconds.
        notice_key: signs notices to hosts behind a relay; the key of receipts.
    """

    def __init__(
        self,
        writer: Writer,
        standings: HostStandings,
        enrolment: Enrolment,
        refusals: Refusals,
        metrics: IngestMetrics,
        clock: Callable[[], int],
        notice_key: ec.EllipticCurvePrivateKey,
    ) -> None:
        self._writer = writer
        self._standings = standings
        self._enrolment = enrolment
        self._refusals = refusals
        self._metrics = metrics
        self._clock = clock
        self._notice_key = notice_key
        self._peers = Peers()
        self._in_flight: set[str] = set()

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server dispatches to."""
        # Unary on the wire. Taking them as streams of one lets the message be read after the caller
        # is known, and lets a message that the transport refuses be logged instead of vanishing.
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "Submit": grpc.stream_unary_rpc_method_handler(self._guarded(self._submit)),
            "Renew": grpc.stream_unary_rpc_method_handler(self._guarded(self._renew)),
        }
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    def _guarded(
        self, answer: Callable[[bytes, Peer], Awaitable[bytes]]
    ) -> Callable[[Any, Context], Awaitable[bytes]]:
        """A method behind the checks that every call must pass.

        1. The certificate is a host's and valid now.
        2. No other call of the host is in flight.
        3. There is a message, within its limit.
        4. The method's own checks, the host's standing among them.
        """

        async def guarded(_stream: object, context: Context) -> bytes:
            caller = "a stranger"
            try:
                peer = self._peer(context)
                caller = peer.name
                with self._one_call(peer):
                    return await answer(await _message(context), peer)
            except Refusal as refusal:
                if caller == "a stranger":
                    caller = f"a stranger at {context.peer()}"
                self._refusals.note(refusal.status.name.lower(), refusal.detail, caller)
                await context.abort(refusal.status, refusal.detail)

        return guarded

    def _peer(self, context: Context) -> Peer:
        try:
            peer = self._peers.of(context.auth_context())
            peer.check_dates(self._clock())
        except Refused as refused:
            raise Refusal(grpc.StatusCode.UNAUTHENTICATED, str(refused)) from refused
        return peer

    @contextmanager
    def _one_call(self, peer: Peer) -> Iterator[None]:
        if peer.host_id in self._in_flight:
            raise Refusal(
                grpc.StatusCode.ABORTED,
                "本主机的另一次调用尚未答复，请等待。"
                "another call of this host is in flight; wait for its answer",
            )
        self._in_flight.add(peer.host_id)
        self._metrics.calls.inc()
        try:
            yield
        finally:
            self._in_flight.discard(peer.host_id)
            self._metrics.calls.dec()

    async def _submit(self, request: bytes, peer: Peer) -> bytes:
        try:
            host_id, reports = reports_from_request(request)
            _check_named(peer, host_id)
        except InvalidValue as error:
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        outcome = await asyncio.shield(self._writer.answer(peer, reports, host_id))
        if isinstance(outcome, Refusal):
            raise outcome
        self._count(outcome, peer)
        if not peer.relay:
            return response_from_answer(outcome)
        notice = sign_notice(self._notice_key, host_id, reports, outcome, self._clock())
        return response_from_answer(outcome, notice)

    async def _renew(self, request: bytes, peer: Peer) -> bytes:
        try:
            asked = renewal_from_request(request)
            chain = await asyncio.wrap_future(self._writer.submit(self._renewed, peer, *asked))
        except InvalidValue as error:
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        except ForeignHost as foreign:
            raise Refusal(grpc.StatusCode.NOT_FOUND, str(foreign)) from foreign
        except Refused as refused:
            raise Refusal(grpc.StatusCode.PERMISSION_DENIED, str(refused)) from refused
        except StorageError as error:
            raise Refusal(grpc.StatusCode.UNAVAILABLE, str(error)) from error
        return response_from_chain(chain)

    def _renewed(
        self, peer: Peer, host_id: str, csr: bytes, signature: Signature
    ) -> tuple[bytes, ...]:
        standing = self._standings.of(peer.host_id, peer.serial)
        if standing.state is HostState.REVOKED:
            raise Refused(
                "本主机已吊销，请以新令牌和新密钥重新接入。"
                "this host is revoked; enrol it with a new token and new keys"
            )
        if host_id in ("", peer.host_id):
            return self._enrolment.renew(peer.host_id, csr)
        _check_named(peer, host_id)
        host = brought_host(self._standings, standing, host_id)
        return self._enrolment.renew_carried(host.host_id, csr, signature)

    def _count(self, answer: Answer, peer: Peer) -> None:
        for result in answer.results:
            verdict = result.judgement.verdict
            self._metrics.reports.labels(verdict.name.lower()).inc()
            if result.reading_count:
                self._metrics.readings.inc(result.reading_count)
            if verdict in (Verdict.REJECTED, Verdict.FORK):
                what = f"report_{verdict.name.lower()}"
                self._refusals.note(what, result.judgement.detail, peer.name)


def _check_named(peer: Peer, host_id: str) -> None:
    """Refuse a host that speaks for another, and a relay that names none.

    Raises:
        InvalidValue: the caller may not speak for this host.
    """
    if peer.relay and not host_id:
        raise InvalidValue(
            "host_id 为空：中继须写明报告所属主机。"
            "host_id is empty: a relay names the host whose reports it brings"
        )
    if not peer.relay and host_id not in ("", peer.host_id):
        raise InvalidValue(
            f"host_id 写的是 {host_id[:64]!r}：主机只能代表自己。"
            f"host_id names {host_id[:64]!r}: a host speaks for itself alone"
        )


async def _message(context: Context) -> bytes:
    """The one message of a call.

    Raises:
        Refusal: the transport refused it, or the caller sent none.
    """
    message = await context.read()
    if not isinstance(message, bytes):
        raise Refusal(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"没有收到不超过 {limits.MESSAGE_BYTES_MAX} 字节的消息。"
            f"no message of at most {limits.MESSAGE_BYTES_MAX} bytes arrived",
        )
    return message
