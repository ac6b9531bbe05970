"""Make the test vectors of the contract: `python proto/vectors/generate.py`.

Fixed keys, fixed salts, deterministic signatures: the files come out the same every time.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from kashi import axis, chain, merkle, signing
from kashi.v1 import report_pb2

Json = dict[str, Any]

FOLDER: Final = Path(__file__).parent
HOST_KEY: Final = ec.derive_private_key(0x6B61736869, ec.SECP256R1())
OTHER_KEY: Final = ec.derive_private_key(0x6F74686572, ec.SECP256R1())
HOST_ID: Final = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
PREFIXES: Final = {
    "REPORT": signing.REPORT,
    "BLOCK": signing.BLOCK,
    "RECEIPT": signing.RECEIPT,
    "CHECKPOINT": signing.CHECKPOINT,
    "POSSESSION": signing.POSSESSION,
    "RECOVERY": signing.RECOVERY,
    "MACHINE": signing.MACHINE,
    "RENEWAL": signing.RENEWAL,
    "ENROLMENT": signing.ENROLMENT,
    "NOTICE": signing.NOTICE,
}
RFC_6962_ENTRIES: Final = (
    *("", "00", "10", "2021", "3031", "40414243"),
    *("5051525354555657", "606162636465666768696a6b6c6d6e6f"),
)


def sign(key: ec.EllipticCurvePrivateKey, prefix: bytes, statement: bytes) -> report_pb2.Signature:
    """As `kashi.signing.sign`, with the nonce of RFC 6979."""
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    return report_pb2.Signature(
        algorithm=report_pb2.SIGNATURE_ALGORITHM_P256_SHA256,
        key_id=signing.key_id(key.public_key()),
        value=key.sign(prefix + statement, algorithm),
    )


def key_fields(key: ec.EllipticCurvePrivateKey) -> Json:
    """A published key."""
    return {
        "private": f"{key.private_numbers().private_value:064x}",
        "public_der": signing.public_key_bytes(key.public_key()).hex(),
        "key_id": signing.key_id(key.public_key()).hex(),
    }


def signing_vectors() -> Json:
    """Prefixes, signatures and statements."""
    statement = b"what is signed"
    cases = []
    for name, prefix in PREFIXES.items():
        value = sign(HOST_KEY, prefix, statement).value
        cases.append(_signature(name, statement, 1, value, verifies=True))
    report = sign(HOST_KEY, signing.REPORT, statement).value
    cases += [
        _signature("RECEIPT", statement, 1, report, verifies=False, why="another prefix"),
        _signature("REPORT", statement + b"\n", 1, report, verifies=False, why="other bytes"),
        _signature("REPORT", statement, 2, report, verifies=False, why="algorithm not accepted"),
        _signature("REPORT", statement, 0, report, verifies=False, why="no algorithm"),
        _signature("REPORT", statement, 1, report[:-1], verifies=False, why="cut short"),
        _signature("REPORT", statement, 1, b"", verifies=False, why="no signature"),
        _signature(
            "REPORT",
            statement,
            1,
            sign(OTHER_KEY, signing.REPORT, statement).value,
            verifies=False,
            why="another key",
        ),
    ]
    csr, nonce = b"a certificate request", bytes(range(32))
    public = signing.public_key_bytes(HOST_KEY.public_key())
    return {
        "key": key_fields(HOST_KEY),
        "prefixes": {name: prefix.hex() for name, prefix in PREFIXES.items()},
        "signatures": cases,
        "possession": {
            "token": "a-token",
            "csr": csr.hex(),
            "statement": signing.possession_statement("a-token", csr, public).hex(),
        },
        "recovery": {
            "nonce": nonce.hex(),
            "csr": csr.hex(),
            "statement": signing.recovery_statement(nonce, csr).hex(),
        },
        "renewal": {
            "host_id": HOST_ID,
            "csr": csr.hex(),
            "statement": signing.renewal_statement(HOST_ID, csr).hex(),
        },
        "request": {
            "token": "a-token",
            "request": csr.hex(),
            "proof": signing.request_proof(signing.sha256(b"a-token"), csr).hex(),
        },
    }


def _signature(
    prefix: str, statement: bytes, algorithm: int, value: bytes, *, verifies: bool, why: str = ""
) -> Json:
    return {
        "prefix": prefix,
        "statement": statement.hex(),
        "algorithm": algorithm,
        "value": value.hex(),
        "verifies": verifies,
        "why": why,
    }


def example_report() -> report_pb2.Report:
    """Two minutes of one device: a reading, a gap, a holder with a name."""
    content = report_pb2.DeviceBlock(
        slot=1,
        device=report_pb2.Device(
            vendor=report_pb2.VENDOR_NVIDIA,
            hardware_id="GPU-6b617368-6900-0000-0000-000000000001",
            model="Test card",
            memory_bytes=85_899_345_920,
            share_numerator=1,
            share_denominator=1,
            meter=report_pb2.METER_KIND_NVML,
        ),
        start_boottime_ms=40_000,
        end_boottime_ms=160_000,
        readings=[
            report_pb2.Reading(
                start_offset_ms=0,
                span_ms=60_000,
                observed_ms=60_000,
                held_known_ms=60_000,
                held_ms=60_000,
                utilisation_known_ms=60_000,
                active_ms=45_000,
                utilised_ns=22_500_000_000,
                energy_known_ms=60_000,
                energy_mj=18_000_000,
                memory_used_bytes_max=1 << 34,
                holder_times=[report_pb2.HolderTime(holder=0, held_ms=60_000)],
            )
        ],
        gaps=[
            report_pb2.Gap(
                start_offset_ms=60_000,
                span_ms=60_000,
                reason=report_pb2.GAP_REASON_METER_DOWN,
                continuity=report_pb2.Continuity(same_holders=True, energy_mj=17_500_000),
            )
        ],
        holders=[report_pb2.Holder(kind=report_pb2.HOLDER_KIND_SLURM_JOB, key=bytes(range(16)))],
    ).SerializeToString(deterministic=True)
    names = report_pb2.HolderNameBlock(
        names=[report_pb2.HolderName(key=bytes(range(16)), name="作业 4711")]
    ).SerializeToString(deterministic=True)
    blocks = [
        report_pb2.Block(kind=report_pb2.BLOCK_KIND_DEVICE, salt=b"\x11" * 16, content=content),
        report_pb2.Block(kind=report_pb2.BLOCK_KIND_HOLDER_NAMES, salt=b"\x22" * 16, content=names),
    ]
    return signed_report(blocks)


def signed_report(blocks: list[report_pb2.Block]) -> report_pb2.Report:
    """A first report with these blocks."""
    header = report_pb2.ReportHeader(
        host_id=HOST_ID,
        boot_id=bytes(range(16, 32)),
        segment=report_pb2.Segment(number=1, anchor_utc_ms=1_790_784_020_000),
        epoch=1,
        sequence=1,
        previous_sha256=chain.GENESIS_SHA256,
        start_boottime_ms=40_000,
        end_boottime_ms=160_000,
        sealed_utc_ms=1_790_784_180_500,
        clock=report_pb2.ClockState(
            sync=report_pb2.CLOCK_SYNC_SYNCHRONISED, offset_ms=-3, error_us_max=812
        ),
        meters=[report_pb2.MeterDescription(kind=report_pb2.METER_KIND_NVML, cadence_ms=1_000)],
        counters=[
            report_pb2.DeviceCounters(
                slot=1,
                observed_ms=60_000,
                gap_ms=60_000,
                held_ms=60_000,
                active_ms=45_000,
                utilised_ns=22_500_000_000,
                energy_mj=18_000_000,
            )
        ],
        blocks=[
            report_pb2.BlockDigest(
                kind=block.kind, sha256=signing.block_sha256(block.salt, block.content)
            )
            for block in blocks
        ],
        agent_version="0.1.0",
    ).SerializeToString(deterministic=True)
    signature = sign(HOST_KEY, signing.REPORT, header)
    return report_pb2.Report(header=header, signatures=[signature], blocks=blocks)


def report_vectors() -> Json:
    """A report that holds, the same with its names erased, and what must be refused."""
    report = example_report()
    return {
        "key": key_fields(HOST_KEY),
        "header": report.header.hex(),
        "report_sha256": signing.report_sha256(report.header).hex(),
        "blocks": [
            {
                "kind": int(block.kind),
                "salt": block.salt.hex(),
                "content": block.content.hex(),
                "sha256": signing.block_sha256(block.salt, block.content).hex(),
            }
            for block in report.blocks
        ],
        "reports": [
            _report(report, "as sealed", holds=True),
            _report(_changed(_erase_names), "names erased", holds=True),
            _report(_changed(_erase_device), "device block erased", holds=False),
            _report(_changed(_change_content), "device block changed", holds=False),
            _report(_changed(_change_salt), "salt changed", holds=False),
            _report(_changed(_drop_block), "block missing", holds=False),
            _report(_changed(_swap_blocks), "blocks swapped", holds=False),
            _report(_changed(_change_header), "header changed", holds=False),
            _report(_changed(_drop_signature), "signature missing", holds=False),
            _report(_changed(_sign_by_other), "signed by another key", holds=False),
            _report(_changed(_sign_as_receipt), "signed as a receipt", holds=False),
        ],
    }


def _report(report: report_pb2.Report, why: str, *, holds: bool) -> Json:
    return {
        "what": why,
        "holds": holds,
        "wire": report.SerializeToString(deterministic=True).hex(),
    }


def _changed(change: Callable[[report_pb2.Report], None]) -> report_pb2.Report:
    report = example_report()
    change(report)
    return report


def _erase_names(report: report_pb2.Report) -> None:
    report.blocks[1].content = report.blocks[1].salt = b""


def _erase_device(report: report_pb2.Report) -> None:
    report.blocks[0].content = report.blocks[0].salt = b""


def _change_content(report: report_pb2.Report) -> None:
    report.blocks[0].content += b"\x00"


def _change_salt(report: report_pb2.Report) -> None:
    report.blocks[0].salt = b"\x12" * 16


def _drop_block(report: report_pb2.Report) -> None:
    del report.blocks[1]


def _swap_blocks(report: report_pb2.Report) -> None:
    blocks = list(report.blocks)
    del report.blocks[:]
    report.blocks.extend(reversed(blocks))


def _change_header(report: report_pb2.Report) -> None:
    header = report_pb2.ReportHeader.FromString(report.header)
    header.counters[0].observed_ms += 1
    report.header = header.SerializeToString(deterministic=True)


def _drop_signature(report: report_pb2.Report) -> None:
    del report.signatures[:]


def _sign_by_other(report: report_pb2.Report) -> None:
    report.signatures[0].CopyFrom(sign(OTHER_KEY, signing.REPORT, report.header))


def _sign_as_receipt(report: report_pb2.Report) -> None:
    report.signatures[0].CopyFrom(sign(HOST_KEY, signing.RECEIPT, report.header))


def chain_vectors() -> Json:
    """Heads and headers with the place between them."""
    held, other, genesis = b"\xaa" * 32, b"\xbb" * 32, chain.GENESIS_SHA256
    pairs = [
        ((0, 0, genesis), (1, 1, genesis)),
        ((0, 0, genesis), (1, 1, other)),
        ((0, 0, genesis), (1, 2, held)),
        ((0, 0, genesis), (2, 1, genesis)),
        ((1, 5, held), (1, 6, held)),
        ((1, 5, held), (1, 6, other)),
        ((1, 5, held), (1, 5, other)),
        ((1, 5, held), (1, 1, genesis)),
        ((1, 5, held), (1, 7, held)),
        ((1, 5, held), (2, 1, other)),
        ((1, 5, held), (2, 1, held)),
        ((1, 5, held), (2, 2, held)),
        ((1, 5, held), (3, 1, held)),
        ((3, 2, held), (2, 9, held)),
        ((3, 2, held), (3, 3, held)),
    ]
    return {"genesis": genesis.hex(), "places": [_place(head, header) for head, header in pairs]}


def _place(head: tuple[int, int, bytes], header: tuple[int, int, bytes]) -> Json:
    epoch, sequence, previous = header
    message = report_pb2.ReportHeader(epoch=epoch, sequence=sequence, previous_sha256=previous)
    return {
        "head": {"epoch": head[0], "sequence": head[1], "sha256": head[2].hex()},
        "report": {"epoch": epoch, "sequence": sequence, "previous_sha256": previous.hex()},
        "place": chain.place_report(chain.Head(*head), message).value,
    }


def merkle_vectors() -> Json:
    """Roots and proofs over the entries that Certificate Transparency publishes."""
    leaves = [merkle.leaf_hash(bytes.fromhex(entry)) for entry in RFC_6962_ENTRIES]
    sizes = range(1, len(leaves) + 1)
    inclusion = [
        {
            "index": index,
            "size": size,
            "proof": [node.hex() for node in merkle.inclusion_proof(leaves[:size], index)],
        }
        for size in sizes
        for index in range(size)
    ]
    consistency = [
        {
            "old_size": old,
            "size": size,
            "proof": [node.hex() for node in merkle.consistency_proof(leaves[:size], old)],
        }
        for size in sizes
        for old in range(1, size + 1)
    ]
    return {
        "entries": list(RFC_6962_ENTRIES),
        "leaf_hashes": [leaf.hex() for leaf in leaves],
        "empty_root": merkle.EMPTY_ROOT.hex(),
        "roots": [merkle.root(leaves[:size]).hex() for size in sizes],
        "inclusion": inclusion,
        "consistency": consistency,
    }


def axis_vectors() -> Json:
    """Labels, with anchors off the minute, before 1970 and beyond 2081."""
    anchors = (0, 1_790_784_020_000, 1_790_784_020_001, 3_502_828_799_999, -1, -60_001)
    instants = (0, 1, 39_999, 40_000, 59_999, 60_000, 86_399_999, 4_102_444_800_000)
    return {
        "labels": [
            {
                "anchor_utc_ms": anchor,
                "boottime_ms": instant,
                "utc_ms": axis.utc_ms(anchor, instant),
                "utc_minute": axis.utc_minute(anchor, instant),
                "next_minute_boottime_ms": axis.next_minute_boottime_ms(anchor, instant),
            }
            for anchor in anchors
            for instant in instants
        ]
    }


VECTORS: Final[dict[str, Callable[[], Json]]] = {
    "signing.json": signing_vectors,
    "report.json": report_vectors,
    "chain.json": chain_vectors,
    "merkle.json": merkle_vectors,
    "axis.json": axis_vectors,
}


def text_of(name: str) -> str:
    """The text of one file of vectors."""
    return json.dumps(VECTORS[name](), ensure_ascii=False, indent=1) + "\n"


def main() -> int:
    """Write all files."""
    for name in VECTORS:
        (FOLDER / name).write_text(text_of(name), encoding="utf-8")
        print(f"written: {FOLDER / name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
