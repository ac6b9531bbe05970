"""Steps 9 to 13: the bundle, reports, receipts, the log and the recount, month by month."""

from datetime import datetime
from pathlib import Path
from typing import Any

from kashi_verify.attached import Attached, Month
from kashi_verify.bundle import Bundle, open_bundle
from kashi_verify.detail import Detail, counted
from kashi_verify.findings import CheckFailed, Findings, Level, Outcome, Step
from kashi_verify.limits import ATTACHMENT_BYTES_MAX
from kashi_verify.log import check_log
from kashi_verify.receipts import check_receipts, server_key
from kashi_verify.recount import check_recount
from kashi_verify.reports import check_reports
from kashi_verify.stepping import take
from kashi_verify.superseded import check_bundled


def verify_evidence(paths: tuple[Path, ...], attached: Attached, findings: Findings) -> None:
    """Steps 9 to 13, for each month that has a bundle."""
    proven: set[str] = set()
    for path in paths:
        try:
            with open_bundle(path) as bundle:
                proven.add(_verify_bundle(bundle, attached, findings))
        except CheckFailed as failure:  # the file is no bundle at all
            findings.outcomes.append(Outcome(Step.BUNDLE, passed=False, detail=str(failure)))
            return
    missing = [
        statement["period"]["month"]
        for statement in attached.statements
        if statement["period"]["month"] not in proven
    ]
    if missing:
        findings.level = Level.STATEMENT
        named = ", ".join(missing)
        findings.flag(
            "months_unproven", f"没有给出 {named} 的证据包。No bundle was given for {named}"
        )


def _month_of(bundle: Bundle, attached: Attached) -> Month:
    """The month a bundle proves; of one month every attached file must be the bundle's too."""
    if len(attached.months) == 1:
        for name, content in attached.files.items():
            if bundle.read(name, ATTACHMENT_BYTES_MAX) != content:
                raise CheckFailed(
                    f"证据包中的 {name} 不是 PDF 所附的。"
                    f"{name} of the bundle is not the one attached to the PDF"
                )
        return attached.months[0]
    stated = bundle.read("statement.json", ATTACHMENT_BYTES_MAX)
    for month in attached.months:
        if month.files["statement"] == stated:
            for kind, content in month.files.items():
                if bundle.read(f"{kind}.json", ATTACHMENT_BYTES_MAX) != content:
                    raise CheckFailed(
                        f"证据包中的 {kind}.json 不是所附的。"
                        f"{kind}.json of the bundle is not the one attached"
                    )
            return month
    raise CheckFailed(
        "证据包的结算不是 PDF 所附的任何一份。"
        "The bundle's statement is none of those attached to the PDF"
    )


def _verify_bundle(bundle: Bundle, attached: Attached, findings: Findings) -> str:
    """Prove one month; which it is."""
    issued = datetime.fromisoformat(attached.certificate["issued_at"])

    def nine() -> tuple[Month, Detail]:
        month = _month_of(bundle, attached)
        evidence = month.evidence
        listed = {host["host_id"] for host in evidence["hosts"]}
        for kind in ("reports", "receipts"):
            names = {name for name in bundle.names if name.startswith(f"{kind}/")}
            if names != {f"{kind}/{host}.bin" for host in listed}:
                raise CheckFailed(
                    f"证据包的 {kind} 与证据所列主机不符。"
                    f"The {kind} of the bundle are not those of the evidence's hosts"
                )
        check_bundled(bundle)
        name = month.statement["period"]["month"] if len(attached.months) > 1 else ""
        zh, en = "与所附文件逐字节相同", "the same bytes as attached"
        return month, Detail(f"{zh} {name}".strip(), f"{en} {name}".strip())

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

    month = take(findings, Step.BUNDLE, nine)
    evidence, statement = month.evidence, month.statement
    reports = take(findings, Step.REPORTS, ten)
    said = take(findings, Step.RECEIPTS, eleven)
    take(findings, Step.LOG, twelve)
    take(findings, Step.RECOUNT, thirteen)
    proven: str = statement["period"]["month"]
    return proven
