"""Steps 1 to 5: the document, its signature, whom that leads to, and what is attached."""

from datetime import datetime, timedelta
from typing import Final

from kashi_verify import document
from kashi_verify.attached import Attached, read_attached
from kashi_verify.canonical import read_canonical
from kashi_verify.chain import check_chain, check_signer_usage, order_chain
from kashi_verify.cms import Container, open_container
from kashi_verify.detail import DOCUMENT, Detail, counted
from kashi_verify.findings import CheckFailed, Findings, Step
from kashi_verify.stamp import Stamp, check_authority
from kashi_verify.stepping import Question, take
from kashi_verify.superseded import check_superseded, superseded_head

STAMP_LATE: Final = timedelta(hours=1)
"""A stamp that is further from the time of issue than this is worth a word."""


def verify_document(question: Question, findings: Findings) -> Attached:
    """Steps 1 to 5."""

    def one() -> tuple[document.Opened, Detail]:
        opened = document.open_pdf(question.pdf)
        pages_read = len(opened.reader.pages)
        return opened, Detail(
            f"共 {pages_read} 页，一个认证签名",
            f"{counted(pages_read, 'page')}, one certifying signature",
        )

    def two() -> tuple[document.Signed, Detail]:
        signed = document.signed_bytes(opened)
        size = len(question.pdf)
        return signed, Detail(
            f"除签名本身外的全部内容，共 {size} 字节",
            f"all {size} bytes but the signature itself",
        )

    def three() -> tuple[Container, Detail]:
        document.check_signature_form(opened)
        container = open_container(signed.container, signed.covered)
        signer = container.signer.subject.rfc4514_string()
        zh, en = f"签名者 {signer}", f"signed by {signer}"
        if container.stamp is not None:
            at = container.stamp.at.isoformat()
            zh, en = f"{zh}，时间戳 {at}", f"{en}, stamped {at}"
        return container, Detail(zh, en)

    def four() -> tuple[None, Detail]:
        return None, _check_trust(container, issued_at(opened), question, findings)

    def five() -> tuple[Attached, Detail]:
        attached = read_attached(opened)
        _check_stamp_kept(attached, container.stamp, findings)
        names = ", ".join(sorted(attached.files))
        if question.superseded is None:
            return attached, Detail(names, names)
        number = check_superseded(attached.certificate, superseded_head(question.superseded))
        return attached, Detail(f"{names}；所替代的 {number}", f"{names}; it supersedes {number}")

    opened = take(findings, Step.OPEN, one)
    signed = take(findings, Step.COVERAGE, two)
    container = take(findings, Step.SIGNATURE, three)
    take(findings, Step.CHAIN, four)
    return take(findings, Step.ATTACHMENTS, five)


def issued_at(opened: document.Opened) -> datetime:
    """The time of issue as the signed head states it."""
    files = document.attachments(opened)
    if "certificate.json" not in files:
        raise CheckFailed(
            "未附 certificate.json：出具时间不明。"
            "Certificate.json is not attached: nothing states the time of issue"
        )
    head = read_canonical("certificate.json", files["certificate.json"])
    instant = datetime.fromisoformat(head["issued_at"])
    if instant.tzinfo is None:
        raise CheckFailed("出具时间没有时差。The time of issue names no offset")
    return instant


def _check_trust(
    container: Container, issued: datetime, question: Question, findings: Findings
) -> Detail:
    chain = order_chain(container.signer, container.certificates)
    root = chain[-1]
    if question.root is not None:
        if root == question.root:
            findings.trusted = True
        elif root.issuer == question.root.subject and root.subject != question.root.subject:
            chain.append(question.root)
            findings.trusted = True
        else:
            raise CheckFailed(
                "证书未链接到所给根证书。The certificates do not lead to the root that was given"
            )
    check_chain(chain, issued, DOCUMENT)
    check_signer_usage(container.signer, DOCUMENT, documents=True)
    if container.stamp is not None:
        _check_stamp(container.stamp, issued, question, findings)
    if issued > question.now:
        at = issued.isoformat()
        findings.flag(
            "issued_in_future", f"出具于 {at}，晚于当前时间。Issued at {at}, after the time now"
        )
    if any(one.not_valid_after_utc < question.now for one in chain):
        findings.flag("signer_expired", "a certificate of the signer has expired since signing")
    from_root = chain[-1].subject.rfc4514_string()
    if findings.trusted:
        return Detail(f"链接到 {from_root}", f"leads to {from_root}")
    return Detail(
        f"链接到 {from_root}，但无人为其担保：请用 --root 给出根证书",
        f"leads to {from_root}, which nobody vouched for: give the root with --root",
    )


def _check_stamp(stamp: Stamp, issued: datetime, question: Question, findings: Findings) -> None:
    """Whose time-stamp it is, and whether its time is that of the issue."""
    if not check_authority(stamp, question.tsa_root):
        name = stamp.authority.subject.rfc4514_string()
        findings.flag(
            "stamp_unvouched",
            f"由 {name} 盖戳；要采信其时间，请用 --tsa-root 给出其根证书。"
            f"Stamped by {name}; give its root with --tsa-root to trust its time",
        )
    if abs(stamp.at - issued) > STAMP_LATE:
        at, made = stamp.at.isoformat(), issued.isoformat()
        findings.flag("stamp_late", f"盖戳于 {at}，出具于 {made}。Stamped {at}, issued {made}")


def _check_stamp_kept(attached: Attached, stamp: Stamp | None, findings: Findings) -> None:
    """The head is signed: a stamp that it promises cannot be taken away, nor one be added."""
    if (attached.time_stamp == "rfc3161") != (stamp is not None):
        there = Detail("没有", "there is none") if stamp is None else Detail("有", "there is one")
        raise CheckFailed(
            f"首部的时间戳一项为“{attached.time_stamp}”，而实际{there.zh}。"
            f"The head says '{attached.time_stamp}' of a time-stamp, and {there.en}"
        )
    if attached.time_stamp == "unavailable":
        what = "出具方要求了时间戳而未取得。The issuer asked for a time-stamp and got none"
        findings.flag("stamp_missing", what)
