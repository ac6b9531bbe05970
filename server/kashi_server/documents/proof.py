"""The certificate's proof: how well it was observed, what it hashes, how it is checked."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kashi_server.documents import figures
from kashi_server.documents.printed import Printed
from kashi_server.documents.subtotals import level_text
from kashi_server.documents.wording import (
    GAP_REASON,
    REASON,
    Pair,
    phrase,
    row,
    section,
)
from kashi_server.domain.certificate import Certificate, Seal

Data = Mapping[str, Any]
GAP_TREATMENT: Final = {"not_filled": "未补算，按零计 not filled in: counted as nothing"}


def evidence_section(printed: Printed) -> dict[str, Any]:
    """How well the period was observed."""
    summary, totals = printed.summary, _together(printed.statements)
    gaps = "；".join(
        f"{phrase(GAP_REASON, gap['reason'])} {figures.card_hours(gap['span_ms'], figures.WHOLE)} h"
        for gap in summary["gaps"]["reasons"]
    )
    reading = summary["reading"]
    flags = [flag for statement in printed.statements for flag in statement["flags"]]
    rows = [
        row("覆盖率", "Coverage", figures.percent(summary["totals"]["coverage"])),
        row("缺口处理", "Gaps", GAP_TREATMENT.get(summary["gaps"]["treatment"], "")),
        row("证据等级", "Evidence level", level_text(summary["evidence_levels"]), wide=True),
        row("采样间隔", "Sampling interval", _sampling(reading)),
        row("采集程序版本", "Agent versions", _versions(reading)),
        row("报告", "Reports", _reports(reading), wide=True),
        row("平均利用率", "Mean utilisation", _utilisation(totals)),
        row(
            "最大时钟偏差",
            "Largest clock offset",
            _clock_offset(printed.statements),
        ),
        row("被占用", "Held, device-hours", _part(totals["held_ms"], totals["held_known_ms"])),
        row(
            "活跃",
            "Active, device-hours",
            _part(totals["active_ms"], totals["utilisation_known_ms"])
            + f"，无占用者 without a holder {_hours(totals['unattributed_ms'])}",
        ),
        row("缺口原因", "Gaps by reason", gaps or "无 none", wide=True),
        row("提示", "Flags", _flags(flags) or "无 none", wide=True),
    ]
    remark = Pair(
        "缺口不补算。利用率仅供参考，不用于扣减。",
        "Gaps are never filled in. Utilisation is information only and deducts nothing.",
    )
    return section(
        Pair("数据质量", "Data quality"),
        kind="facts",
        pairs=2,
        rows=rows,
        remarks=[remark.to_data()],
    )


def _clock_offset(statements: Sequence[Data]) -> str:
    """The largest of all months that observed anything; unknown where that of one of them is."""
    offsets = [
        one["quality"]["max_clock_offset_ms"] for one in statements if one["totals"]["observed_ms"]
    ]
    if not offsets or None in offsets:
        return "未知 unknown"
    return f"{max(offsets)} ms"


def _together(statements: Sequence[Data]) -> dict[str, int]:
    """Quantities of several statements, added up."""
    names = ("held_ms", "held_known_ms", "active_ms", "utilisation_known_ms", "utilised_ns")
    return {
        name: sum(statement["totals"][name] for statement in statements)
        for name in (*names, "unattributed_ms")
    }


def _sampling(reading: Data | None) -> str:
    if reading is None:
        return "未知 unknown"
    return "；".join(f"{one['meter']} {one['cadence_ms']} ms" for one in reading["sampling"])


def _versions(reading: Data | None) -> str:
    return "未知 unknown" if reading is None else ", ".join(reading["agent_versions"])


def _reports(reading: Data | None) -> str:
    if reading is None:
        return "无 none"
    return (
        f"{reading['reports']} 份，其中迟到（逾一天）{reading['late_reports']} 份；重复上报不计"
        f" {reading['reports']} reports, {reading['late_reports']} late; duplicates never count"
    )


def _flags(flags: Sequence[Data]) -> str:
    """Each kind of flag once, in words, with what it is about."""
    subjects: dict[str, list[str]] = {}
    for flag in flags:
        about = " ".join(part for part in (flag["subject"], flag["detail"]) if part)
        subjects.setdefault(flag["code"], []).append(about)
    return "；".join(
        f"{phrase(REASON, code)}: {', '.join(filter(None, about))}".removesuffix(": ")
        for code, about in subjects.items()
    )


def _utilisation(totals: Data) -> str:
    known_ns = totals["utilisation_known_ms"] * 1_000_000
    if known_ns == 0:
        return "未知 unknown"
    return f"{figures.ratio_percent(totals['utilised_ns'], known_ns)}（仅供参考 information only）"


def _part(part_ms: int, known_ms: int) -> str:
    return f"{_hours(part_ms)} / 已知 known {_hours(known_ms)}"


def _hours(span_ms: int) -> str:
    return figures.card_hours(span_ms, figures.WHOLE)


def integrity_section(certificate: Certificate, printed: Printed, seal: Seal) -> dict[str, Any]:
    """Hashes, the log's head and whose key signs."""
    rows = [
        row("结算数据 SHA-256", "Statement", certificate.statement_sha256),
        row("证据数据 SHA-256", "Evidence", certificate.evidence_sha256),
    ]
    if certificate.supersedes_sha256 is not None:
        rows.append(row("被替代证明 SHA-256", "Superseded", certificate.supersedes_sha256))
    for statement, evidence in zip(printed.statements, printed.evidence, strict=True):
        rows += _evidence_rows(statement, evidence, printed.several)
    rows += [
        row("签名", "Signature", "PAdES, ECDSA P-256, SHA-256"),
        row("签名证书", "Signing certificate", f"{seal.subject} · {seal.serial}"),
    ]
    return section(Pair("完整性", "Integrity"), kind="facts", pairs=1, rows=rows)


def _evidence_rows(statement: Data, evidence: Data, several: bool) -> list[dict[str, object]]:
    cut_off, reports, checkpoint = statement["cut_off"], evidence["reports"], evidence["checkpoint"]
    logged = "无 none"
    if checkpoint is not None:
        logged = f"{checkpoint['size']} · {checkpoint['root']}"
    if several:
        told = f"{reports['root']} · 日志 log {logged}"
        return [row(f"{statement['period']['month']} 报告集合根", "Reports, log", told)]
    return [
        row(
            "报告集合根",
            "Root over reports",
            f"{reports['root']} （{reports['count']} 份 reports, RFC 6962）",
        ),
        row("日志检查点", "Log checkpoint", logged),
        row(
            "关账截点",
            "Cut-off",
            f"{figures.instant_text(cut_off['event_end'])} · 日志 log {cut_off['checkpoint_size']}",
        ),
    ]


def verification_section(printed: Printed) -> dict[str, Any]:
    """How to check the document, and what it is not."""
    attached = printed.names
    notes = [
        Pair(
            "核验：扫描首页二维码，或以证明编号和核验码在核验页面查询；离线核验用"
            " kashi-verify 证明.pdf --root 根证书.pem，加 --bundle 证据包.zip 可复算每一行。",
            "To verify: scan the code on page 1, or enter number and verification code on the"
            " verification page; offline: kashi-verify FILE.pdf --root ROOT.pem, and with"
            " --bundle FILE.zip every line is recomputed from the signed reports.",
        ),
        Pair(
            f"本 PDF 附有 {'、'.join(attached)}，与页面数字一致。",
            f"Attached to this PDF: {', '.join(attached)}; the same figures as on its pages.",
        ),
    ]
    # What the document is not, and that it is a demonstration, stands on every page already, in
    # the footer and the banner; here stand the statement's own notices, each once.
    notices = printed.last["notices"]
    notes += [Pair(zh, en) for zh, en in zip(notices["zh"], notices["en"], strict=False)]
    return section(
        Pair("核验与声明", "Verification and notices"),
        kind="notes",
        notes=[note.to_data() for note in notes],
    )
