"""The catalogue: one key, two sentences. A missing key fails where it is used, and in a test."""

from typing import Final, Literal

from kashi_server.domain.reason import Reason
from kashi_server.portal.locale import (
    account_words,
    assignment_words,
    certificate_words,
    claim_words,
    contract_words,
    doubt_words,
    event_words,
    host_words,
    paper_words,
    public_words,
    shell_words,
    stated_words,
    statement_words,
    usage_words,
)

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
HTML_LANGUAGE: Final[dict[Language, str]] = {"zh": "zh-CN", "en": "en"}

WORDS: Final[dict[str, tuple[str, str]]] = {
    **shell_words.WORDS,
    **account_words.WORDS,
    **assignment_words.WORDS,
    **stated_words.WORDS,
    **usage_words.WORDS,
    **statement_words.WORDS,
    **host_words.WORDS,
    **doubt_words.WORDS,
    **event_words.WORDS,
    **certificate_words.WORDS,
    **paper_words.WORDS,
    **contract_words.WORDS,
    **claim_words.WORDS,
    **public_words.WORDS,
}


def words(language: Language, key: str, **values: object) -> str:
    """The sentence of a key, with its values put in.

    Raises:
        KeyError: the catalogue has no such key, or the sentence wants another value.
    """
    sentence = WORDS[key][LANGUAGES.index(language)]
    return sentence.format(**values) if values else sentence


def known_words(language: Language, group: str, code: str) -> str:
    """The sentence of a code that other rooms define; the code itself where it is new."""
    pair = WORDS.get(f"{group}.{code}")
    return code if pair is None else pair[LANGUAGES.index(language)]


def reason_words(language: Language, code: str) -> str:
    """Why a line earns nothing or is flagged; the code itself where it is new."""
    try:
        reason = Reason(code)
    except ValueError:
        return code
    return reason.zh if language == "zh" else reason.en
