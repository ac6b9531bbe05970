"""What reviewers ask of a usage certificate, fact by fact: on its pages and in its data.

The list is that of published application guides and form checks: the document, both parties, the
contract, the period, devices, lines, data quality, money, rules, integrity, and the data beside it.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from claim_cases import add_papers, add_project, invoice_number
from fixtures_certificates import (
    CARDS,
    COMPANY_A,
    HOST_1,
    PROVIDER,
    START_MINUTE,
    CertifiedMonth,
    make_month,
)
from kashi_server.domain.contract_terms import Amendment
from kashi_server.domain.declaration import RelatedDeclaration
from kashi_server.domain.listing import ProviderListing
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that replaced another: the text of its pages, and its whole data; and those of
    the one before it, of a time in which nobody had told any paper."""

    text: str
    data: dict[str, Any]
    bare_text: str
    bare: dict[str, Any]

    def at(self, place: str) -> object:
        """The fact at a place like `summary.stated.money.invoices.0.number`."""
        found: Any = self.data
        for key in place.split("."):
            found = found[int(key)] if isinstance(found, list) else found[key]
        return found


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issued]:
    """Reissued with every paper there is: parts, amendment, listing, declaration, invoice."""
    folder = tmp_path_factory.mktemp("content")
    engine = open_engine(f"sqlite:///{folder / 'kashi.sqlite'}")
    migrate(engine)
    month = make_month(Work(engine))
    bare = month.issue()[COMPANY_A].number
    month.clock.now_ms = int(datetime(2026, 11, 30, 4, tzinfo=UTC).timestamp()) * 1000
    add_papers(month.work)
    add_project(month.work)
    _add_more_papers(month.work)
    number = month.keeping.reissue("KS-2026-09-HT-A", "officer", "papers came").number
    data, bare_data = (json.loads(month.keeping.file(one, "certificate")) for one in (number, bare))
    yield Issued(
        text=_text(month, number, folder / "certificate.pdf"),
        data=data,
        bare_text=_text(month, bare, folder / "bare.pdf"),
        bare=bare_data,
    )
    engine.dispose()


def _add_more_papers(work: Work) -> None:
    with work.begin() as unit:
        unit.papers.put_listing(
            ProviderListing(
                listing_id="L-1",
                provider_id=PROVIDER,
                batch="2025年第二批",
                service_item="智能算力租赁",
                listed_from=date(2026, 4, 9),
                document="名单公告",
            )
        )
        unit.papers.put_declaration(
            RelatedDeclaration(
                contract_id="HT-A",
                declared_on=date(2026, 6, 2),
                unrelated=True,
                document="非关联承诺书",
            )
        )
        unit.papers.put_amendment(
            Amendment(
                contract_id="HT-A",
                number="BC-1",
                signed_on=date(2026, 8, 1),
                effective=START_MINUTE,
                document="补充协议一",
            )
        )
        unit.commit()


def _text(month: CertifiedMonth, number: str, path: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed: apt-get install poppler-utils")
    path.write_bytes(month.keeping.file(number, "pdf"))
    done = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return "".join(done.stdout.split())


HEAD, STATEMENT, SUMMARY = "certificate", "statement", "summary"
STATED, LINE, DEVICE = "summary.stated", "statement.lines.0", "statement.devices.0"
MONEY, REPORTS = "summary.stated.money", "evidence.reports"

CONTENT: list[tuple[str, str, str]] = [
    # 1. The document.
    ("title", "算力使用证明", "format"),
    ("number", "KC-202609-000004-90", f"{HEAD}.number"),
    ("edition", "版次2", f"{HEAD}.edition"),
    ("time of issue", "2026-11-3012:00:00(UTC+08:00)", f"{HEAD}.issued_at"),
    ("issuing system", "Kashi0.1.0", f"{HEAD}.issuer.system"),
    ("issuer", "深圳市算力服务中心", f"{HEAD}.issuer.name_zh"),
    ("verification code", "核验码", f"{HEAD}.verification.code"),
    ("verification address", "扫码核验", f"{HEAD}.verification.url"),
    ("page x of y", "第1页共", "format"),
    ("supersedes", "KC-202609-000002-96", f"{HEAD}.supersedes"),
    ("superseded head's hash", "被替代证明SHA-256", f"{HEAD}.supersedes_sha256"),
    # 2. The user.
    ("user's name", "深圳甲智能科技有限公司", f"{STATEMENT}.user.name_zh"),
    ("user's code", COMPANY_A, f"{STATEMENT}.user.party_id"),
    ("user's district", "南山区", f"{STATEMENT}.user.district"),
    ("user's contact", "王工0755-1234", f"{STATED}.contact"),
    ("project", "工业质检大模型", f"{STATED}.project.name"),
    ("purpose", "大模型训练与推理", f"{STATED}.project.purpose"),
    ("project's paper", "项目技术说明（2026-06-03）", f"{STATED}.project.document"),
    # 3. The provider.
    ("provider's name", "深圳示例算力服务有限公司", f"{STATEMENT}.provider.name_zh"),
    ("provider's code", PROVIDER, f"{STATEMENT}.provider.party_id"),
    ("admission batch", "2025年第二批", f"{STATED}.listings.0.batch"),
    ("service item", "智能算力租赁", f"{STATED}.listings.0.service_item"),
    ("list date", "2026-04-09起", f"{STATED}.listings.0.start_minute"),
    ("site", "深圳龙岗数据中心", f"{STATED}.site"),
    ("declared unrelated", "已声明declared", f"{STATEMENT}.contract.unrelated_declared"),
    ("declaration", "2026-06-02，非关联承诺书", f"{STATED}.declaration.document"),
    # 4. The contract.
    ("contract", "HT-A", f"{STATEMENT}.contract.contract_id"),
    ("signing date", "2026-06-01", f"{STATEMENT}.contract.signed_on"),
    ("service term", "服务期限", f"{STATEMENT}.contract.term.start"),
    ("contract total", "含税incl.tax1,000.00元", f"{STATED}.contract.ex_tax_fen"),
    ("accelerator part", "accelerator（accelerator）900.00", f"{STATED}.contract.parts.0.item"),
    ("excluded part", "storage（storage）100.00元", f"{STATED}.contract.parts.1.item"),
    ("amendments", "BC-1（2026-08-01）", f"{STATED}.contract.amendments.0.number"),
    # 5. The period.
    ("from", "2026-09-0100:00:00(UTC+08:00)至", f"{STATEMENT}.period.start"),
    ("to", "2026-10-0100:00:00(UTC+08:00)（不含", f"{STATEMENT}.period.end"),
    ("number of days", "30天days", f"{STATEMENT}.days.29.date"),
    ("base period", "政策基期未知unknown", f"{STATEMENT}.programme.parameters"),
    # 6. Devices.
    ("vendor", "NVIDIA", f"{DEVICE}.vendor"),
    ("model", "NVIDIAH10080GBHBM3", f"{DEVICE}.model"),
    ("memory", "GiB", f"{DEVICE}.memory_bytes"),
    ("form", "整卡", f"{SUMMARY}.models.0.form"),
    ("domestic", "国产", f"{DEVICE}.domestic"),
    ("count", "数量", f"{SUMMARY}.models.0.devices"),
    ("device UUIDs", CARDS[1], "statement.devices.1.hardware_id"),
    ("node ids", HOST_1, f"{DEVICE}.host_ids.0"),
    # 7. Lines.
    ("allocated", "租用", f"{LINE}.quantities.leased_ms"),
    ("metered", "计量", f"{LINE}.quantities.observed_ms"),
    ("gap", "缺口", f"{LINE}.quantities.gap_ms"),
    ("unit price", "12.50", f"{LINE}.price_yuan_per_card_hour"),
    ("amount", "20.11", f"{LINE}.amount_fen"),
    ("daily subtotals", "日表", f"{STATEMENT}.days.0.amount_fen"),
    ("monthly subtotals", "月度小计", f"{SUMMARY}.months.0.amount_fen"),
    # 8. Data quality.
    ("sampling interval", "采样间隔", f"{SUMMARY}.reading.sampling.0.cadence_ms"),
    ("coverage", "1.3701%", f"{STATEMENT}.quality.coverage"),
    ("gaps", "缺口原因", f"{STATEMENT}.quality.gaps.0.reason"),
    ("gaps are not filled", "未补算", f"{SUMMARY}.gaps.treatment"),
    ("clock offset", "最大时钟偏差", f"{STATEMENT}.quality.max_clock_offset_ms"),
    ("late reports", "其中迟到", f"{SUMMARY}.reading.late_reports"),
    ("duplicates", "重复上报不计", f"{SUMMARY}.reading.reports"),
    ("agent versions", "采集程序版本", f"{SUMMARY}.reading.agent_versions"),
    ("mean utilisation", "平均利用率", f"{STATEMENT}.totals.utilised_ns"),
    ("evidence level", "E2", f"{SUMMARY}.evidence_levels.0.level"),
    # 9. Money.
    ("statement no.", "KS-2026-09-HT-A", f"{STATEMENT}.statement.number"),
    ("invoice no.", invoice_number(0), f"{MONEY}.invoices.0.number"),
    ("ex tax", "不含税", f"{MONEY}.invoices.0.ex_tax_fen"),
    ("tax", "税额", f"{MONEY}.invoices.0.tax_fen"),
    ("tax included", "500.00", f"{MONEY}.invoices.0.incl_fen"),
    ("payment voucher", "PAY-0", f"{MONEY}.payments.0.reference"),
    ("metered less invoiced", "423.35元", f"{MONEY}.tie_out.invoiced_less_metered_fen"),
    ("day of the tie-out", "2026-11-30", f"{MONEY}.tie_out.until_day"),
    # 10. Rules.
    ("rules version", "2024-12-18", f"{STATEMENT}.programme.version"),
    ("rules hash", "规则SHA-256", f"{STATEMENT}.programme.sha256"),
    ("no entitlement", "不构成获得资助的权利", f"{HEAD}.notices.zh.0"),
    # 11. Integrity.
    ("root over the reports", "报告集合根", f"{REPORTS}.root"),
    ("log checkpoint", "日志检查点", "evidence.checkpoint.root"),
    ("algorithm", "ECDSAP-256,SHA-256", f"{HEAD}.files"),
    ("signing certificate", "签名证书", f"{HEAD}.issuer"),
    ("user's stamp", "需求方（盖章）", f"{STATEMENT}.user"),
    ("provider's stamp", "供给方（盖章）", f"{STATEMENT}.provider"),
    # 12. The data beside it.
    ("lines as CSV", "lines.csv", "certificate.files.lines.csv"),
    ("statement as JSON", "statement.json", "statement.format"),
]


@pytest.mark.parametrize(
    ("printed", "place"), [one[1:] for one in CONTENT], ids=[one[0] for one in CONTENT]
)
def test_every_fact_is_printed_and_in_the_data(issued: Issued, printed: str, place: str) -> None:
    """A clerk finds it on the pages; a reviewer's program finds it at its place in the JSON."""
    assert printed in issued.text
    if place == "certificate.files.lines.csv":
        assert "lines.csv" in issued.data["certificate"]["files"]
        return
    issued.at(place)


def test_what_is_printed_is_what_the_data_says(issued: Issued) -> None:
    """Names, codes and numbers on the pages are those of the data, wherever it holds text."""
    for _name, printed, place in CONTENT:
        value = None if place.endswith("lines.csv") else issued.at(place)
        plain = "".join(value.split()) if isinstance(value, str) else ""
        if plain and not plain.isascii():
            assert plain in issued.text or printed in plain, place
    named = (
        *("certificate.verification.code", "certificate.supersedes_sha256"),
        *("statement.programme.sha256", "evidence.reports.root"),
    )
    assert [one for one in named if str(issued.at(one)) not in issued.text] == []


def test_what_nobody_states_is_said_so(issued: Issued) -> None:
    """Contact, project and site, and every other paper that nobody told: not stated on the page,
    null in the data, never guessed."""
    stated = issued.bare["summary"]["stated"]

    assert [stated[one] for one in ("contact", "project", "site")] == [None] * 3
    assert (issued.bare_text.count("未提供notstated") >= 6, stated["money"]) == (True, None)
    assert "未提供notstated" not in issued.text
