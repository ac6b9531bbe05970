"""The page: the same bytes for the same input, with every claim it must carry."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from certificate_samples import SEAL, SUPERSEDED_SHA256, sample_certificate, sample_parts
from kashi_server.documents.presentation import page_content
from kashi_server.documents.printed import Printed
from kashi_server.documents.rendering import Renderer
from kashi_server.domain.assembling import (
    NOTICE_DEMO_EN,
    NOTICE_DEMO_ZH,
    NOTICES_EN,
    NOTICES_ZH,
)
from kashi_server.domain.certificate import DEMO_ZH, NOTICE_ZH, CertificateNumber
from kashi_server.domain.reason import Reason
from kashi_server.domain.statement import Statement
from kashi_server.domain.statement_quality import Flag
from kashi_server.errors import ConfigurationError
from statement_samples import MONTH, rented_statement, self_owned_statement


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    """The fonts that come with the server."""
    return Renderer()


@pytest.mark.parametrize("statement", [rented_statement(demo=True), self_owned_statement()])
def test_same_input_gives_the_same_bytes(renderer: Renderer, statement: Statement) -> None:
    """Rendering reads no clock and draws no random number."""
    certificate, parts = sample_certificate(statement)

    assert renderer.render(certificate, parts, SEAL) == renderer.render(certificate, parts, SEAL)


def test_document_claims_archive_and_accessibility(renderer: Renderer) -> None:
    """The metadata names PDF/A-3a and PDF/UA-1, and the time of issue, not of rendering."""
    certificate, parts = sample_certificate(rented_statement())
    pdf = renderer.render(certificate, parts, SEAL)

    assert b"<pdfaid:part>3</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in pdf
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    issued = datetime.fromtimestamp(certificate.issued_utc_ms // 1000, UTC)
    assert issued.strftime("D:%Y%m%d%H%M%S").encode() in pdf
    assert b"/AFRelationship /Data" in pdf or b"/AFRelationship/Data" in pdf


def test_text_of_a_party_is_never_markup(renderer: Renderer) -> None:
    """A name full of the typesetter's own signs is printed, not obeyed."""
    statement = rented_statement()
    data = statement.to_data()
    certificate, parts = sample_certificate(statement)
    user = data["user"]
    assert isinstance(user, dict)
    user["name_zh"] = '#panic("x") $x$ *b* `r` @ref <l> \\ // ]) #[#]'
    hostile = json.dumps(data, ensure_ascii=False).encode()

    pdf = renderer.render(certificate, sample_parts(hostile, parts.months[0].evidence), SEAL)

    assert pdf.startswith(b"%PDF-")


def test_folder_without_the_font_is_refused(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A missing font is a sentence, not a page of boxes."""
    certificate, parts = sample_certificate(rented_statement())

    with pytest.raises(ConfigurationError, match="Noto Sans CJK SC"):
        Renderer(font_folder=tmp_path_factory.mktemp("empty")).render(certificate, parts, SEAL)


def content(statement: Statement, supersedes: CertificateNumber | None = None) -> str:
    """Everything the template is given, as text."""
    certificate, parts = sample_certificate(statement, supersedes=supersedes)
    page = page_content(certificate, Printed.of(parts), SEAL)
    return json.dumps(page, ensure_ascii=False)


def test_page_carries_what_a_clerk_must_find() -> None:
    """Parties with codes, contract, period, amounts in figures and capitals, hashes, rules."""
    statement = rented_statement()
    text = content(statement)
    wanted = [
        statement.user.party_id,
        statement.user.name_zh,
        "深圳示例算力服务有限公司",
        "HT-2026-001",
        "2026-10-01 00:00:00 (UTC+08:00)",
        "21,923.09",
        "贰万壹仟玖佰贰拾叁元零玖分",
        "估算 estimate",
        statement.sha256().hex(),
        "5b" * 32,
        "voucher.validity_months",
        "未知 unknown",
        SEAL.serial,
        "E2 采集程序签名",
        "GPU-00000002-0000-4000-8000-000000000000",
    ]

    assert [one for one in wanted if one not in text] == []
    assert "measurement record" in text
    assert "计量检定" in text


def test_usage_that_earns_nothing_says_why() -> None:
    """A self-owned host's certificate names the reason beside its lines, in both languages."""
    text = content(self_owned_statement())

    assert "自建自用的算力不计入租用费用" in text
    assert "self-owned host" in text
    assert "无：自有或未登记合同" in text


def test_the_closing_notes_say_nothing_twice() -> None:
    """The statement's own notices stand there once; footer and banner carry the certificate's."""
    statement = replace(
        rented_statement(demo=True),
        notices_zh=(*NOTICES_ZH, NOTICE_DEMO_ZH),
        notices_en=(*NOTICES_EN, NOTICE_DEMO_EN),
    )
    certificate, parts = sample_certificate(statement)
    page = page_content(certificate, Printed.of(parts), SEAL)
    notes = [n for one in page["sections"] if one["kind"] == "notes" for n in one["notes"]]

    assert [n["zh"] for n in notes[-4:]] == [*NOTICES_ZH, NOTICE_DEMO_ZH]
    for said in ("计量记录", "估算", "演示"):
        assert sum(said in note["zh"] for note in notes) == 1, said
    assert page["footer_notice"]["zh"] == NOTICE_ZH
    assert page["demo_notice"]["zh"] == DEMO_ZH


def test_page_names_what_it_supersedes() -> None:
    """A reissue names the number it replaces and the hash over that one's head; a first one prints
    no such row."""
    before, statement = CertificateNumber(MONTH, 11), rented_statement(revision=2)
    text = content(statement, before)

    assert [told in text for told in (str(before), "被替代证明 SHA-256", SUPERSEDED_SHA256)] == [
        True
    ] * 3
    assert "被替代证明 SHA-256" not in content(statement)


def test_page_prints_no_float() -> None:
    """Everything printed is text that was spelled from integers."""
    assert re.search(r": -?\d+\.\d+[,}\]]", content(rented_statement())) is None


def test_flags_and_steps_are_said_in_both_languages() -> None:
    """A flag without a detail prints what it is, once, and no step is a bare code."""
    subject = "GPU-00000002-0000-4000-8000-000000000000"
    flags = [
        Flag(code=Reason.GENERATED_WORKLOAD, subject=one, detail="") for one in ("GPU-1", subject)
    ]
    text = content(replace(rented_statement(), flags=tuple(flags)))

    assert (
        f"演示：工作负载由程序生成 demonstration: the workload is generated: GPU-1, {subject}"
        in text
    )
    assert "资助比例 ratio" in text
    assert "合计 total" in text
    assert "evidence.json, summary.json, lines.csv" in text
