"""What fell away under a claim, as its steps keep it in both languages: 中文。English sentence.

What others said, a reason or the name of a file, stands in both halves in their own words, cut to
`WORDS_MAX` characters: its full account is kept where it was said. In the English half its Chinese
full stops are Latin ones, so that the two halves can be told apart again.
"""

import re
from typing import Final

from kashi_server.domain.money import yuan_text
from kashi_server.services.invoice_watch import InvoiceChange
from kashi_server.services.invoice_words import STATUS_ZH

WORDS_MAX: Final = 400

_SOURCES_ZH: Final = (
    (re.compile(r"^payment (.+), of which (\S+) went back"), r"付款 \1 退回 \2 元"),
    (re.compile(r"^red invoice (\d+)"), r"红字发票 \1"),
)
"""Sources that are told in words of this house rather than by the name of a file."""


def invoice_fell(change: InvoiceChange) -> str:
    """An invoice stands otherwise than it did."""
    zh, en = STATUS_ZH[change.after], str(change.after)
    if change.after.claimable and change.left_fen > 0:
        left = yuan_text(change.left_fen)
        zh, en = f"{zh}，尚余 {left} 元", f"{en}, {left} left"
    source, told_by = _given(change.source), change.told_by
    source_zh = source
    for pattern, words in _SOURCES_ZH:
        source_zh = pattern.sub(words, source_zh)
    return (
        f"发票 {change.number} {zh}（{source_zh}，{told_by} 录入）。"
        f"invoice {change.number} is {en} ({_latin(source)}, told by {told_by})"
    )


def invoice_righted(change: InvoiceChange) -> str:
    """An invoice that had fallen away stands again."""
    zh, en, source = STATUS_ZH[change.after], str(change.after), _given(change.source)
    return (
        f"发票 {change.number} 经两名经办人更正，现为{zh}（{source}，{change.told_by}），金额须重"
        f"新核实。Worth is to be asked again: two officers found that invoice {change.number} is"
        f" {en} ({_latin(source)}, {change.told_by})."
    )


def statement_corrected(number: str, revision: int, reason: str) -> str:
    """A statement has a new revision."""
    said = _given(reason)
    return (
        f"结算单 {number} 已更正为第 {revision} 版（{said}）。"
        f"statement {number} was corrected: revision {revision} ({_latin(said)})"
    )


def certificate_withdrawn(number: str, reason: str) -> str:
    """A certificate holds good no more."""
    said = _given(reason)
    return f"使用证明 {number} 已撤销：{said}。certificate {number} was withdrawn: {_latin(said)}"


def _given(words: str) -> str:
    said = words.strip().rstrip("。")
    return said if len(said) <= WORDS_MAX else f"{said[: WORDS_MAX - 1]}…"


def _latin(words: str) -> str:
    return words.replace("。", ". ").rstrip()
