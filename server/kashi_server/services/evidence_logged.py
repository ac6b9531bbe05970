"""Stated usage and words on gaps against the log, and source files against their hashes."""

from collections.abc import Iterator
from hashlib import sha256

from kashi_server.domain.both_languages import because
from kashi_server.errors import KashiError
from kashi_server.services.evidence_inputs import (
    ATTESTATION_CHANGE_ENTRY,
    ATTESTATION_ENTRY,
    ATTESTATION_REVERSAL_ENTRY,
    EXPLANATION_ENTRY,
    GAP_DECISION_ENTRY,
    decision_reference,
)
from kashi_server.services.evidence_port import GapsPort, StatedPort


def evidence_rows(stated: StatedPort, gaps: GapsPort) -> Iterator[tuple[str, str, bytes]]:
    """Kind, reference and bytes that the log must have of every row."""
    for one in stated.attestations():
        # The hash of every record is in these bytes: a row changed behind the server's back shows.
        yield ATTESTATION_ENTRY, one.attestation.attestation_id, one.attestation.to_bytes()
        if one.change is not None:
            change = one.change
            yield ATTESTATION_CHANGE_ENTRY, change.attestation_id, change.to_bytes()
        for word in one.words:
            yield ATTESTATION_REVERSAL_ENTRY, word.reference, word.to_bytes()
    for explanation in gaps.explanations():
        yield EXPLANATION_ENTRY, explanation.explanation_id, explanation.to_bytes()
    for decision in gaps.decisions():
        reference = decision_reference(decision.explanation_id, decision.officer)
        yield GAP_DECISION_ENTRY, reference, decision.to_bytes()


def source_faults(stated: StatedPort) -> Iterator[str]:
    """Every kept source file whose bytes are not what its hash says, in words."""
    for digest in stated.sources():
        try:
            content = stated.source(digest)
        except KashiError as error:
            yield because(
                f"来源文件 {digest} 无法读取", f"source file {digest} cannot be read", error
            )
            continue
        if content is None or sha256(content).hexdigest() != digest:
            yield (
                f"来源文件 {digest} 的内容与其哈希不符。"
                f"source file {digest} has other bytes than its hash says"
            )
