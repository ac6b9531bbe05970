"""Carry files of reports: what a host or relay brings without a connection.

The same ingestion as over the wire: the same verdicts, exactly once, a file brought twice gets the
same receipts. Who brings a file proves nothing and need not: every report carries its host's
signature, every renewal its report key's.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import limits
from kashi.carry import CarryFile
from kashi.v1 import carry_pb2, metering_pb2

from kashi_server.domain.sequence import Verdict
from kashi_server.errors import Refused
from kashi_server.services.enrolment import Enrolment
from kashi_server.services.hosts import HostStanding, HostState
from kashi_server.services.ingestion import Ingestion
from kashi_server.services.notices import carried_response, sign_notice
from kashi_server.services.standings import HostStandings
from kashi_server.services.submission import Failure, Submission

REFUSALS_TOLD_MAX: Final = 1_000
"""A file may hold millions of records, and each may be refused: so many are kept in words."""

STORED = frozenset({Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.QUARANTINED})


@dataclass(slots=True)
class Taken:
    """What became of a file: reports by (host, verdict), and what was refused, in words."""

    verdicts: Counter[tuple[str, Verdict]] = field(default_factory=Counter)
    renewals: int = 0
    refusals: list[str] = field(default_factory=list)
    refusals_untold: int = 0

    def refuse(self, why: str) -> None:
        """Note a refusal; in words as long as there are few."""
        if len(self.refusals) < REFUSALS_TOLD_MAX:
            self.refusals.append(why)
        else:
            self.refusals_untold += 1

    @property
    def whole(self) -> bool:
        """Whether everything in the file is stored now."""
        return not self.refusals and all(verdict in STORED for _, verdict in self.verdicts)


class Carrying:
    """Takes carry files.

    Args:
        ingestion: the use case of the metering port.
        standings: how hosts stand.
        enrolment: renews certificates.
        notice_key: signs notices; the key of receipts.
        clock: UTC milliseconds.
    """

    def __init__(
        self,
        ingestion: Ingestion,
        standings: HostStandings,
        enrolment: Enrolment,
        notice_key: ec.EllipticCurvePrivateKey,
        clock: Callable[[], int],
    ) -> None:
        self._ingestion = ingestion
        self._standings = standings
        self._enrolment = enrolment
        self._notice_key = notice_key
        self._clock = clock

    def take(self, file: CarryFile, taken: Taken) -> Iterator[carry_pb2.CarryRecord]:
        """Take a file's records, in order; the answers to carry back.

        Of a host whose report was not stored the rest is left: its notice says from where to go on.
        """
        stopped: set[str] = set()
        for number, record in file.records():
            try:
                yield from self._record(record, taken, stopped)
            except Refused as refused:
                taken.refuse(f"{file.path}: record {number}: {refused}")

    def _record(
        self, record: carry_pb2.CarryRecord, taken: Taken, stopped: set[str]
    ) -> Iterator[carry_pb2.CarryRecord]:
        match record.WhichOneof("record"):
            case "reports":
                if record.reports.host_id not in stopped:
                    yield self._reports(record.reports, taken, stopped)
            case "renewal":
                asked = record.renewal
                chain = self._enrolment.renew_carried(asked.host_id, asked.csr, asked.signature)
                taken.renewals += 1
                yield certificate_record(asked.host_id, chain)
            case other:
                raise Refused(
                    f"报告文件中不应有 {other}。{other} does not belong in a file of reports"
                )

    def _reports(
        self, request: metering_pb2.SubmitRequest, taken: Taken, stopped: set[str]
    ) -> carry_pb2.CarryRecord:
        host_id, reports = request.host_id, list(request.reports)
        if len(reports) > limits.REPORTS_PER_CALL_MAX:
            raise Refused(
                f"reports：共 {len(reports)} 份，每次最多 {limits.REPORTS_PER_CALL_MAX} "
                "份。"
                f"reports: {len(reports)} of them; {limits.REPORTS_PER_CALL_MAX} at most"
            )
        submission = Submission(self._standing(host_id), reports, carried=True)
        answer = self._ingestion.ingest([submission])[0]
        if isinstance(answer, Failure):
            stopped.add(host_id)
            raise Refused(f"主机 {host_id} 的报告未能保存。host {host_id}: {answer.detail}")
        for result in answer.results:
            taken.verdicts[host_id, result.judgement.verdict] += 1
            if result.judgement.verdict not in STORED:
                stopped.add(host_id)
        notice = sign_notice(self._notice_key, host_id, reports, answer, self._clock())
        return carry_pb2.CarryRecord(
            answer=carry_pb2.CarriedAnswer(host_id=host_id, answer=carried_response(answer, notice))
        )

    def _standing(self, host_id: str) -> HostStanding:
        standing = self._standings.brought(host_id)
        if standing.state is HostState.REVOKED:
            raise Refused(
                f"主机 {host_id} 已吊销，请以新令牌和新密钥重新接入。"
                f"host {host_id} is revoked; enrol it with a new token and new keys"
            )
        return standing


def certificate_record(host_id: str, chain: tuple[bytes, ...]) -> carry_pb2.CarryRecord:
    """The answer to a renewal."""
    return carry_pb2.CarryRecord(
        certificate=carry_pb2.CarriedCertificate(
            host_id=host_id, answer=metering_pb2.RenewResponse(certificate_chain=chain)
        )
    )
