"""Reports out by dated files, receipts and certificates in by files, for a site nobody leaves."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from kashi.carry import write_carry_file
from kashi.v1 import carry_pb2, metering_pb2

from kashi_agent.carried_enrolment import read_carry
from kashi_agent.carrier import RENEWAL_SHARE
from kashi_agent.errors import RefusedError
from kashi_agent.identity import Host, IdentityStore, check_issued, tls_request
from kashi_agent.relay.parcel import returned_of
from kashi_agent.relay.store import RelayStore
from kashi_agent.relay.tls_key import key_of_chain
from kashi_agent.shipping_wire import renewal_request


def export(folder: Path, store: RelayStore, identity: IdentityStore, now: datetime) -> Path | None:
    """Write everything the server has not receipted into a dated file; None if that is nothing.

    What was exported before and has no receipt yet is in it again: a file that was lost costs
    nothing, one that is brought twice changes nothing.

    Raises:
        OSError: the file cannot be written.
    """
    host = identity.host()
    records = _records(store, identity, now)
    first = next(records, None)
    if first is None:
        return None
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"kashi-relay-{host.host_id[:8]}-{stamp}.reports"
    opening = carry_pb2.CarryOpening(
        kind=carry_pb2.CARRY_KIND_REPORTS,
        made_utc_ms=int(now.timestamp() * 1000),
        made_by=host.host_id,
    )
    write_carry_file(path, opening, chain([first], records))
    return path


def take(path: Path, store: RelayStore, identity: IdentityStore) -> tuple[int, list[str]]:
    """Take a file with receipts: how many receipts came, and what did not hold, in words.

    Raises:
        FileError: the file is damaged or for something else; nothing of it was taken.
    """
    host, count, refusals = identity.host(), 0, list[str]()
    key = host.receipt_key()
    for number, record in read_carry(path, carry_pb2.CARRY_KIND_RECEIPTS):
        try:
            count += _take_record(record, store, identity, host, key)
        except RefusedError as error:
            refusals.append(f"{path}: 记录 record {number}: {error}")
    return count, refusals


def _records(
    store: RelayStore, identity: IdentityStore, now: datetime
) -> Iterator[carry_pb2.CarryRecord]:
    for host_id in store.waiting_hosts():
        after = (0, 0)
        while batch := store.batch(host_id, after):
            after = batch[-1][0]
            wires = [wire for _, wire in batch]
            request = metering_pb2.SubmitRequest(host_id=host_id, reports=wires)
            yield carry_pb2.CarryRecord(reports=request)
    for _, asked in store.renewals():
        yield carry_pb2.CarryRecord(renewal=metering_pb2.RenewRequest.FromString(asked))
    if identity.tls().renewal_due(now, share=RENEWAL_SHARE):
        csr = tls_request(identity.next_tls_key())
        own = renewal_request(identity.host().host_id, csr, identity.report_key())
        yield carry_pb2.CarryRecord(renewal=own)


def _take_record(
    record: carry_pb2.CarryRecord,
    store: RelayStore,
    identity: IdentityStore,
    host: Host,
    key: ec.EllipticCurvePublicKey,
) -> int:
    match record.WhichOneof("record"):
        case "answer":
            returned = returned_of(record.answer.host_id, record.answer.answer, key)
            store.absorb(returned)
            return len(returned.slips)
        case "certificate":
            issued = tuple(record.certificate.answer.certificate_chain)
            check_issued(issued, identity.tls().hosts_root)
            if record.certificate.host_id == host.host_id:
                identity.save_tls(identity.next_tls_key(), issued)
            else:
                answer = record.certificate.answer.SerializeToString()
                store.settle(record.certificate.host_id, key_of_chain(issued), answer)
            return 0
        case other:
            raise RefusedError(
                f"{other} 不应在回执文件中。{other} does not belong in a file of receipts"
            )
