"""What fell away under a claim is told in Chinese and in English, and the two can be told apart."""

import pytest
from kashi_server.domain.both_languages import halves
from kashi_server.domain.claim_event import REASON_CHARACTERS_MAX
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.services.claim_fallen import (
    certificate_withdrawn,
    invoice_fell,
    statement_corrected,
)
from kashi_server.services.invoice_watch import InvoiceChange

NUMBER = "26442000000000000001"


def changed(after: InvoiceStatus, left_fen: int, source: str) -> InvoiceChange:
    """An invoice that was normal."""
    return InvoiceChange(
        number=NUMBER,
        before=InvoiceStatus.NORMAL,
        after=after,
        left_fen=left_fen,
        claims=(),
        source=source,
        told_by="clerk",
        told_utc_ms=0,
    )


@pytest.mark.parametrize(
    ("after", "left_fen", "source", "zh", "en"),
    [
        (
            InvoiceStatus.VOID,
            0,
            "export.xlsx",
            f"发票 {NUMBER} 已作废（export.xlsx，clerk 录入）",
            f"invoice {NUMBER} is void (export.xlsx, told by clerk)",
        ),
        (
            InvoiceStatus.PARTLY_RED,
            200_00,
            "red invoice 26442000000000000900",
            f"发票 {NUMBER} 部分红冲，尚余 200.00 元（红字发票 26442000000000000900，clerk 录入）",
            (
                f"invoice {NUMBER} is {InvoiceStatus.PARTLY_RED}, 200.00 left (red invoice"
                " 26442000000000000900, told by clerk)"
            ),
        ),
        (
            InvoiceStatus.NORMAL,
            500_00,
            "payment PAY-0, of which 200.00 went back",
            f"发票 {NUMBER} 正常，尚余 500.00 元（付款 PAY-0 退回 200.00 元，clerk 录入）",
            (
                f"invoice {NUMBER} is normal, 500.00 left"
                " (payment PAY-0, of which 200.00 went back, told by clerk)"
            ),
        ),
    ],
)
def test_an_invoice_says_how_it_stands_and_who_told(
    after: InvoiceStatus, left_fen: int, source: str, zh: str, en: str
) -> None:
    """By a file, a red invoice, or a payment that went back."""
    assert halves(invoice_fell(changed(after, left_fen, source))) == (zh, en)


@pytest.mark.parametrize(
    "reason", ["迟到的报告", "迟到的报告。", "迟到。已补报。", "a late report"]
)
def test_given_words_stand_in_both_halves(reason: str) -> None:
    """With Chinese full stops or without; the English half is whole."""
    zh, en = halves(statement_corrected("KS-1", 2, reason))
    assert zh.startswith("结算单 KS-1 已更正为第 2 版（")
    assert en.startswith("statement KS-1 was corrected: revision 2 (")
    zh, en = halves(certificate_withdrawn("C-1", reason))
    assert zh.startswith("使用证明 C-1 已撤销：")
    assert en.startswith("certificate C-1 was withdrawn: ")
    assert reason.split("。")[0] in en


def test_long_words_never_keep_a_paper_from_falling_away() -> None:
    """A claim's step keeps so many characters; what is told of the longest reason is fewer."""
    longest = "因" * REASON_CHARACTERS_MAX
    told = certificate_withdrawn("C" * 100, longest), statement_corrected("S" * 100, 9, longest)
    source = invoice_fell(changed(InvoiceStatus.VOID, 0, longest))
    assert all(len(one) < REASON_CHARACTERS_MAX for one in (*told, source))
