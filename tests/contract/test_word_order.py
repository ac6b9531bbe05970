"""A word in both languages stands Chinese first: 有效 issued, never the other way round.

Labels and states are read from the sources of everything that prints, and the words of every state
as they are printed.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from kashi_server.commands import evaluation, gaps, rules, stated
from kashi_server.documents import money_pages
from kashi_server.domain.certificate import CertificateStatus
from kashi_server.services import claim_words
from kashi_server.services.trail_words import text_of
from kashi_verify.wording import LEVELS

from deploy.demo import sheet

ROOT: Final = Path(__file__).parents[2]
READ: Final = ("server/kashi_server", "agent/kashi_agent", "verify/kashi_verify", "deploy")
HAN: Final = "[\u4e00-\u9fff]"
ENGLISH_FIRST: Final = re.compile(
    "(?:{}|[^A-Za-z{}\u4e00-\u9fff])*[a-z][A-Za-z', {}-]*(?: |·)+[\u4e00-\u9fff]+[^A-Za-z]*"
)
"""A whole line of small English words, then Chinese; a name, like NVML, begins with a capital."""
CHINESE_SENTENCES: Final = ("true 或 false", "unit 是", "crc 不符", "length {} 超过")
"""Chinese that begins with the name of a value or a field."""

WORDS: Final[Mapping[str, Collection[str]]] = {
    "claim states": claim_words.STATES.values(),
    "claim steps": claim_words.STEPS.values(),
    "batches": claim_words.BATCHES.values(),
    "who": claim_words.WHO.values(),
    "stated usage": stated._WORDS.values(),  # the words as they are printed
    "explained gaps": gaps.WORDS.values(),
    "parameters": rules._STATES.values(),
    "evaluations": evaluation._STATUS.values(),
    "evaluation steps": evaluation._NAMES.values(),
    "invoices of a certificate": money_pages._STATUS.values(),
    "certificates": [text_of("status", str(one)) for one in CertificateStatus],
    "the demonstration's certificates": sheet.RESULTS.values(),
    "how far the demonstration's certificates were followed": sheet.LEVELS.values(),
}


def english_first(source: str) -> Iterator[tuple[int, str]]:
    """Lines of a module's texts that name something in English before Chinese."""
    tree = ast.parse(source)
    whole = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {part for node in whole for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.Constant) and node not in parts:
            yield from ((node.lineno, line) for line in _text(node).splitlines() if _turned(line))


def _turned(line: str) -> bool:
    if line.strip().startswith(CHINESE_SENTENCES):
        return False
    return line == WORD_LAST or ENGLISH_FIRST.fullmatch(line) is not None


WORD_LAST: Final = "{code} {its word}"
"""How a code reads that its own Chinese word stands behind."""


def _text(node: ast.JoinedStr | ast.Constant) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[ast.FormattedValue() as code, ast.Constant(value=" "), word]):
            its_word = ast.unparse(word).lower()
            told = ast.unparse(code.value).lower() in its_word and "zh" in its_word
            return WORD_LAST if told else ""
        case ast.JoinedStr(values=values):
            return "".join(
                str(one.value) if isinstance(one, ast.Constant) else "{}" for one in values
            )
    return ""


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('f"{one.status} {one.status.zh}"', True),
        ('f"{one.status} {STATUS_ZH[one.status]}"', True),
        ('f"{one.status.zh} {one.status}"', False),
        ('f"{cause.zh} {cause.en}"', False),
        ('"issued 有效"', True),
        ('"✓ live agent 实时代理: "', True),
        ('f"close {month} 结账"', True),
        ('"valid · 有效"', True),
        ('"有效 issued"', False),
        ('"有效 issued\\nunknown 未知"', True),
        ('"NVML 错误"', False),
        ('"字段须为 true 或 false"', False),
    ],
)
def test_what_counts_as_english_first(source: str, found: bool) -> None:
    """A label, or two values beside each other; a name in a Chinese sentence does not."""
    assert bool(list(english_first(source))) is found


def test_no_label_has_its_english_word_first() -> None:
    """Wherever something is printed: the same order everywhere, so that a reader finds the word."""
    paths = [path for folder in READ for path in sorted((ROOT / folder).rglob("*.py"))]
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in paths
        if "_pb2" not in path.name
        for line, text in english_first(path.read_text(encoding="utf-8"))
    ]

    assert len(paths) > len(READ)
    assert found == []


def test_the_demonstration_names_every_level_as_the_verifier_does() -> None:
    """Both languages of each, by the words that `kashi-verify` prints."""
    assert {name: tuple(said.split(" · ")) for name, said in sheet.LEVELS.items()} == {
        level.value: words for level, words in LEVELS.items()
    }


@pytest.mark.parametrize("of", WORDS)
def test_every_word_of_a_state_is_chinese_then_english(of: str) -> None:
    """Both are there, and nothing Chinese stands behind the English word."""
    said = re.compile(rf"(?:[A-D] )?[^A-Za-z]*{HAN}[^A-Za-z]*[ ·]+[A-Za-z][A-Za-z -]*")

    assert WORDS[of]
    assert [one for one in WORDS[of] if not said.fullmatch(one)] == []
