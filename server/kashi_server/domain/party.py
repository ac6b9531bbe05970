"""A party: a company, a compute provider, an office or an auditor, known by its credit code.

统一社会信用代码 after GB 32100-2015: 18 characters of a 31-letter alphabet without I, O, S, V, Z;
the last one is a check character. Characters 9-17 are the organisation code of GB 11714 with a
check character of its own.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

from kashi_server.errors import InvalidValue

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NAME_CHARACTERS_MAX = 120


def check_character(first: str) -> str:
    """The last character that belongs to the first seventeen (GB 32100-2015, 5.2)."""
    total = sum(ALPHABET.index(c) * weight for c, weight in zip(first, _WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def organisation_check_character(first: str) -> str:
    """The ninth character of an organisation code (GB 11714-1997)."""
    values = (_ORGANISATION_ALPHABET.index(c) for c in first)
    total = sum(v * weight for v, weight in zip(values, _ORGANISATION_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


@lru_cache(maxsize=4096)  # thousands of tenures and contracts name the same few parties
def check_credit_code(text: str) -> str:
    """The credit code, if it is one.

    Raises:
        InvalidValue: it has another length or alphabet, or a check character is wrong.
    """
    if len(text) != 18 or any(c not in ALPHABET for c in text):
        raise InvalidValue(
            f"“{text}”不是统一社会信用代码："
            "须为 18 位，由 0-9 与 A-Z 组成，不含 I、O、S、V、Z。"
            f"'{text}' is not a credit code: 18 characters of 0-9 A-Z without I, O, S, V, Z"
        )
    if check_character(text[:17]) != text[17]:
        raise InvalidValue(
            f"统一社会信用代码“{text}”的校验码为“{text[17]}”，"
            f"按前 17 位应为“{check_character(text[:17])}”；请与营业执照核对。"
            f"credit code '{text}': the check character is '{text[17]}', for these seventeen it"
            f" would be '{check_character(text[:17])}'; compare it with the business licence"
        )
    if organisation_check_character(text[8:16]) != text[16]:
        raise InvalidValue(
            f"统一社会信用代码“{text}”第 17 位为“{text[16]}”，"
            f"按其中的组织机构代码应为“{organisation_check_character(text[8:16])}”。"
            f"credit code '{text}': character 17 is '{text[16]}', the organisation code in it"
            f" needs '{organisation_check_character(text[8:16])}'"
        )
    return text


def is_credit_code(text: str) -> bool:
    """Whether a text could be a party's code."""
    try:
        check_credit_code(text)
    except InvalidValue:
        return False
    return True


class PartyKind(StrEnum):
    """What a party does here."""

    COMPANY = "company"
    PROVIDER = "provider"
    OFFICE = "office"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A legal person.

    Attributes:
        party_id: its 统一社会信用代码.
        kind: what it does here.
        name_zh: its registered name.
        name_en: a name for English pages; may be empty.
        district: where it is registered, as the register writes it; may be empty. The code does
            not say: new registrations carry the province.
        established_on: when it was founded; None: not known here.
    """

    party_id: str
    kind: PartyKind
    name_zh: str
    name_en: str = ""
    district: str = ""
    established_on: date | None = None

    def __post_init__(self) -> None:
        """Refuse a wrong code and a missing or endless name."""
        check_credit_code(self.party_id)
        if not self.name_zh.strip():
            raise InvalidValue(
                f"单位 {self.party_id} 没有中文名称 name_zh。party {self.party_id} has no name_zh"
            )
        for name in ("name_zh", "name_en", "district"):
            if len(getattr(self, name)) > NAME_CHARACTERS_MAX:
                raise InvalidValue(
                    f"{name} 超过 {NAME_CHARACTERS_MAX} 个字符。"
                    f"{name} is longer than {NAME_CHARACTERS_MAX} characters"
                )
