"""Stated usage, words on gaps and on hosts' keys against the log; source files against hashes."""

from collections.abc import Iterator
from hashlib import sha256

from kashi_server.domain.both_languages import because
from kashi_server.domain.key_word import ALONE, decisions
from kashi_server.errors import KashiError
from kashi_server.services.evidence_inputs import (
    ATTESTATION_CHANGE_ENTRY,
    ATTESTATION_ENTRY,
    ATTESTATION_REVERSAL_ENTRY,
    EXPLANATION_ENTRY,
    GAP_DECISION_ENTRY,
    KEY_CLAIM_ENTRY,
    KEY_WORD_ENTRY,
    decision_reference,
)
from kashi_server.services.evidence_port import GapsPort, StatedPort
from kashi_server.services.expense_port import HostsPort


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


def key_rows(hosts: HostsPort) -> Iterator[tuple[str, str, bytes]]:
    """Kind, reference and bytes that the log must have of claims of keys and of words on them."""
    for host in hosts.hosts():
        claim = host.key_claim()
        if claim is not None:
            yield KEY_CLAIM_ENTRY, host.host_id, claim
    for word in hosts.key_words():
        yield KEY_WORD_ENTRY, word.reference, word.to_bytes()


def key_faults(hosts: HostsPort) -> Iterator[str]:
    """Every word on a host's key that speaks of another claim than the host's, or completes no word
    of another officer, in words: row and entry may agree on it and it is wrong still."""
    claims = {one.host_id: sha256(one.key_claim() or b"").hexdigest() for one in hosts.hosts()}
    words = hosts.key_words()
    decided = {
        one.reference
        for host_id in {word.host_id for word in words}
        for one in decisions(word for word in words if word.host_id == host_id)
    }
    for word in words:
        if word.claim_sha256 != claims.get(word.host_id):
            yield (
                f"主机密钥意见 {word.reference} 针对的密钥令牌与主机接入时所申明的不同。"
                f"host-key-word {word.reference} speaks of another token than the host claimed when"
                " it was enrolled"
            )
        if word.completes != ALONE and word.reference not in decided:
            yield (
                f"主机密钥意见 {word.reference} 并未补足另一名经办人的意见。"
                f"host-key-word {word.reference} completes no word of another officer"
            )


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
