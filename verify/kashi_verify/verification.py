"""The verification of a usage certificate, step by step. The first step that fails ends it.

The document:
 1. The file opens as a PDF and carries exactly one signature, which permits no change.
 2. The signature's byte range covers the whole file: nothing was added after signing.
 3. The digest and the CMS signature hold, with the attributes PAdES asks for.
 4. The signer's certificates lead, with the usage for documents, to the root that was given.
 5. certificate.json, statement.json, evidence.json (and rules.json) are attached, each spelled
    canonically, each with the hash that names it.
The statement:
 6. The text of the pages agrees with the attached data.
 7. The arithmetic holds: every line, the totals, the days. No line earns what its reasons forbid,
    and no flag is missing that the lines themselves call for.
 8. The rules are those whose hash the statement names, and the estimate follows from them.
The evidence, given a bundle:
 9. The bundle belongs to this certificate: the same bytes.
10. The hosts' reports: signatures, chain links, block digests, the root over them.
11. The server's receipts: one a report, under the server's root.
12. The log: every receipt is in it, under the signed checkpoint of the statement's cut-off.
13. The recount: the minutes of the revealed blocks add up to every line, exactly; none twice, and
    every device is what part of a card its host signed.

What this shows and does not: a signature says who said it, not that it is true. Whether a
certificate was withdrawn or superseded since, only the issuer's verification page tells.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

from cryptography import x509

from kashi_verify import document, pages
from kashi_verify.arithmetic import check_arithmetic
from kashi_verify.bundle import Bundle, open_bundle
from kashi_verify.canonical import read_canonical
from kashi_verify.chain import check_chain, check_signer_usage, order_chain
from kashi_verify.cms import Container, open_container
from kashi_verify.detail import Detail, counted
from kashi_verify.elliptic import UNREADABLE_CERTIFICATE
from kashi_verify.estimate import check_estimate
from kashi_verify.findings import LEVEL_OF_LAST_STEP, CheckFailed, Findings, Outcome, Step
from kashi_verify.limits import ATTACHMENT_BYTES_MAX
from kashi_verify.log import check_log
from kashi_verify.receipts import check_receipts, server_key
from kashi_verify.recount import check_recount
from kashi_verify.reports import check_reports
from kashi_verify.rules import check_rules
from kashi_verify.standing import check_standing

Data = Mapping[str, Any]
_Result = TypeVar("_Result")
_FORMATS: Final = {
    "certificate.json": "kashi/v1/certificate",
    "statement.json": "kashi/v1/statement",
    "evidence.json": "kashi/v1/evidence",
}
_RULES: Final = "rules.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: the file, the root that is trusted, the bundle beside it, and the time now."""

    pdf: bytes
    now: datetime
    root: x509.Certificate | None = None
    bundle: Path | None = None


class _Stopped(Exception):
    """A step failed; it stands in the findings."""


def verify(question: Question) -> Findings:
    """Check a certificate as the module says. Never raises for what the files hold."""
    findings = Findings()
    try:
        attached = _verify_document(question, findings)
        _verify_statement(attached, findings)
        if question.bundle is not None:
            _verify_evidence(question.bundle, attached, findings)
    except _Stopped:
        pass
    return findings


@dataclass(frozen=True, slots=True)
class _Attached:
    """The attachments as bytes and as data, and the text of the pages."""

    files: Mapping[str, bytes]
    data: Mapping[str, Data]
    opened: document.Opened

    @property
    def certificate(self) -> Data:
        return self.data["certificate.json"]

    @property
    def statement(self) -> Data:
        return self.data["statement.json"]

    @property
    def evidence(self) -> Data:
        return self.data["evidence.json"]


def _step(findings: Findings, step: Step, check: Callable[[], tuple[_Result, Detail]]) -> _Result:
    try:
        result, found = check()
    except CheckFailed as failure:
        findings.outcomes.append(Outcome(step, passed=False, detail=str(failure)))
        raise _Stopped from failure
    except (*UNREADABLE_CERTIFICATE, KeyError, AttributeError, IndexError) as error:
        # Data of another shape than the format's: the step that met it does not hold.
        detail = f"the data is not of the expected form ({type(error).__name__}: {error})"
        findings.outcomes.append(Outcome(step, passed=False, detail=detail))
        raise _Stopped from error
    findings.outcomes.append(Outcome(step, passed=True, detail=found.en, detail_zh=found.zh))
    findings.level = LEVEL_OF_LAST_STEP.get(step, findings.level)
    return result


def _verify_document(question: Question, findings: Findings) -> _Attached:
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
        return container, Detail(f"签名者 {signer}", f"signed by {signer}")

    def four() -> tuple[None, Detail]:
        return None, _check_trust(container, issued_at(opened), question, findings)

    def five() -> tuple[_Attached, Detail]:
        attached = _attached(opened)
        names = ", ".join(sorted(attached.files))
        return attached, Detail(names, names)

    opened = _step(findings, Step.OPEN, one)
    signed = _step(findings, Step.COVERAGE, two)
    container = _step(findings, Step.SIGNATURE, three)
    _step(findings, Step.CHAIN, four)
    return _step(findings, Step.ATTACHMENTS, five)


def issued_at(opened: document.Opened) -> datetime:
    """The time of issue as the signed head states it."""
    files = document.attachments(opened)
    if "certificate.json" not in files:
        raise CheckFailed("certificate.json is not attached: nothing states the time of issue")
    head = read_canonical("certificate.json", files["certificate.json"])
    instant = datetime.fromisoformat(head["issued_at"])
    if instant.tzinfo is None:
        raise CheckFailed("the time of issue names no offset")
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
            raise CheckFailed("the certificates do not lead to the root that was given")
    check_chain(chain, issued, "the document")
    check_signer_usage(container.signer, "the document", documents=True)
    if issued > question.now:
        findings.flag("issued_in_future", f"issued at {issued.isoformat()}, after the time now")
    if any(one.not_valid_after_utc < question.now for one in chain):
        findings.flag("signer_expired", "a certificate of the signer has expired since signing")
    from_root = chain[-1].subject.rfc4514_string()
    if findings.trusted:
        return Detail(f"链接到 {from_root}", f"leads to {from_root}")
    return Detail(
        f"链接到 {from_root}，但无人为其担保：请用 --root 给出根证书",
        f"leads to {from_root}, which nobody vouched for: give the root with --root",
    )


def _attached(opened: document.Opened) -> _Attached:
    files = document.attachments(opened)
    expected = set(_FORMATS) | ({_RULES} & set(files))
    if set(files) != expected:
        raise CheckFailed(f"attached are {sorted(files)} instead of {sorted(expected)}")
    data = {name: read_canonical(name, content) for name, content in files.items()}
    for name, wanted in _FORMATS.items():
        if data[name]["format"] != wanted:
            raise CheckFailed(f"{name} is of format {data[name]['format']}, not {wanted}")
    head, evidence = data["certificate.json"], data["evidence.json"]
    statement_sha256 = sha256(files["statement.json"]).hexdigest()
    evidence_sha256 = sha256(files["evidence.json"]).hexdigest()
    for name, named, found in (
        ("the statement", head["statement"]["sha256"], statement_sha256),
        ("the evidence", head["evidence"]["sha256"], evidence_sha256),
        ("the statement of the evidence", evidence["statement_sha256"], statement_sha256),
    ):
        if named != found:
            raise CheckFailed(f"{name} hashes to {found}; named is {named}")
    stated = data["statement.json"]["statement"]
    if (head["statement"]["number"], head["statement"]["revision"], head["demo"]) != (
        stated["number"],
        stated["revision"],
        stated["demo"],
    ):
        raise CheckFailed("the certificate names another statement than the one attached")
    return _Attached(files, data, opened)


def _verify_statement(attached: _Attached, findings: Findings) -> None:
    """Steps 6 to 8."""
    statement, certificate = attached.statement, attached.certificate
    findings.summary |= {
        "number": certificate["number"],
        "user": statement["user"]["name_zh"],
        "party_id": statement["user"]["party_id"],
        "month": statement["period"]["month"],
        "card_hours": statement["totals"]["card_hours"],
        "amount_fen": str(statement["totals"]["amount_fen"]),
    }
    if certificate["demo"]:
        findings.flag("demo", "a demonstration of generated workloads: void for any claim")

    def six() -> tuple[None, Detail]:
        count = pages.check_pages(document.page_texts(attached.opened), certificate, statement)
        return None, Detail(
            f"页面上找到 {count} 处数字与行",
            f"{counted(count, 'figure or row', 'figures and rows')} found on the pages",
        )

    def seven() -> tuple[None, Detail]:
        check_arithmetic(statement)
        check_standing(statement)
        lines, days = len(statement["lines"]), len(statement["days"])
        return None, Detail(
            f"{lines} 行、{days} 日及合计",
            f"{counted(lines, 'line')}, {counted(days, 'day')}, totals",
        )

    def eight() -> tuple[None, Detail]:
        named = check_rules(statement, attached.files.get(_RULES))
        check_estimate(statement)
        zh = "该时段没有有效的政策规则" if statement["programme"] is None else named
        return None, Detail(zh, named)

    _step(findings, Step.PAGES, six)
    _step(findings, Step.ARITHMETIC, seven)
    _step(findings, Step.RULES, eight)
    for flag in statement["flags"]:
        findings.flag(flag["code"], ": ".join(filter(None, (flag["subject"], flag["detail"]))))


def _verify_evidence(path: Path, attached: _Attached, findings: Findings) -> None:
    """Steps 9 to 13."""
    try:
        with open_bundle(path) as bundle:
            _verify_bundle(bundle, attached, findings)
    except CheckFailed as failure:  # the file is no bundle at all
        findings.outcomes.append(Outcome(Step.BUNDLE, passed=False, detail=str(failure)))


def _verify_bundle(bundle: Bundle, attached: _Attached, findings: Findings) -> None:
    evidence, statement = attached.evidence, attached.statement
    issued = datetime.fromisoformat(attached.certificate["issued_at"])

    def nine() -> tuple[None, Detail]:
        for name, content in attached.files.items():
            if bundle.read(name, ATTACHMENT_BYTES_MAX) != content:
                raise CheckFailed(f"{name} of the bundle is not the one attached to the PDF")
        listed = {host["host_id"] for host in evidence["hosts"]}
        for kind in ("reports", "receipts"):
            names = {name for name in bundle.names if name.startswith(f"{kind}/")}
            if names != {f"{kind}/{host}.bin" for host in listed}:
                raise CheckFailed(f"the {kind} of the bundle are not those of the evidence's hosts")
        return None, Detail("与所附文件逐字节相同", "the same bytes as attached")

    def ten() -> tuple[Any, Detail]:
        reports = check_reports(bundle, evidence)
        hosts = len(evidence["hosts"])
        return reports, Detail(
            f"{hosts} 台主机的 {len(reports)} 份报告",
            f"{counted(len(reports), 'report')} of {counted(hosts, 'host')}",
        )

    def eleven() -> tuple[Any, Detail]:
        receipts = check_receipts(bundle, evidence, reports, key(), findings)
        count = len(receipts.counted)
        return receipts, Detail(
            f"{len(reports)} 份报告中 {count} 份计入",
            f"{count} of {counted(len(reports), 'report')} {'counts' if count == 1 else 'count'}",
        )

    def twelve() -> tuple[None, Detail]:
        size = check_log(bundle, evidence, statement["cut_off"], said.payloads, key())
        return None, Detail(
            f"全部在共 {size} 条的日志中",
            f"all of them in the log of {counted(size, 'entry', 'entries')}",
        )

    def thirteen() -> tuple[None, Detail]:
        check_recount(bundle, evidence, statement, said, findings)
        lines = len(statement["lines"])
        return None, Detail(
            f"{lines} 行，每个数量精确到毫秒",
            f"{counted(lines, 'line')}, every quantity to the millisecond",
        )

    def key() -> Any:
        return server_key(bundle, evidence, issued)

    _step(findings, Step.BUNDLE, nine)
    reports = _step(findings, Step.REPORTS, ten)
    said = _step(findings, Step.RECEIPTS, eleven)
    _step(findings, Step.LOG, twelve)
    _step(findings, Step.RECOUNT, thirteen)
