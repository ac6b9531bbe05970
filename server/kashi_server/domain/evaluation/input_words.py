"""What the inputs of an evaluation's steps are called, in Chinese and English.

A trace names them by short codes, which stay: whoever reads traces goes by them. A person is told
whose amount it is: *left* of a pool is what the rules leave, never what the ledger holds.
"""

from collections.abc import Mapping
from typing import Final

from kashi_server.domain.evaluation.amounts import ALL, DOMESTIC, OTHER
from kashi_server.domain.parameter_words import PARAMETER_WORDS
from kashi_server.domain.parameters import FACTORS_ZH

_Words = tuple[str, str]
_OF_STEP: Final[Mapping[str, Mapping[str, _Words]]] = {
    "meter": {
        "lines": ("计量行数", "metered lines"),
        "refused": ("因证据等级不计的行数", "lines refused for their evidence level"),
    },
    "threshold": {
        "year": ("全年费用", "expense of the year"),
        "threshold": ("规则的门槛", "the rules' threshold"),
    },
    "ratio": {
        ALL: ("基数", "base"),
        DOMESTIC: ("国产芯片部分", "part on domestic chips"),
        OTHER: ("其他部分", "other part"),
    },
    "stacking": {
        "line": ("叠加上限", "stacking line"),
        "taken": ("同一合同已有财政资金", "public money on the contract already"),
        "left": ("叠加上限余额", "left below the line"),
    },
    "pool": {
        "pool": ("规则的年度资金总额", "the rules' pool of the year"),
        "granted": ("其中已核定", "granted of it"),
        "left": ("规则总额之余（非台账余额）", "left of the rules' pool (not of the ledger)"),
        "requested": ("申请合计", "requested in all"),
        "envelope_left": ("总盘子余额", "left of the envelope"),
    },
}
_LAST: Final[Mapping[str, _Words]] = {
    **{name: (zh, name) for name, zh in FACTORS_ZH.items()},
    "bound": ("取最小", "least of them"),
}
"""Factors; of one contract of several, they stand behind its number."""


_FACTS: Final[Mapping[str, _Words]] = {
    "award.decided_yuan": ("主管部门决定的金额", "what the authority decided"),
    "award.matched_yuan": ("被配套的奖励金额", "the award that is matched"),
    "award.tier": ("所定档次", "the tier"),
    "in_force": ("规则有效期", "the rules' time in force"),
}
"""What a step goes by that is no parameter."""


def chinese(name: str) -> str:
    """A parameter, a factor or a fact as a Chinese sentence names it; its code stands elsewhere."""
    if name in PARAMETER_WORDS:
        return PARAMETER_WORDS[name].zh
    return FACTORS_ZH[name] if name in FACTORS_ZH else _FACTS[name][0]


def input_words(step: str, name: str) -> _Words:
    """An input as a person reads it; what has no words stands as it is, in both."""
    words = _OF_STEP.get(step, {}).get(name)
    if words is not None:
        return words
    if name in PARAMETER_WORDS:
        return PARAMETER_WORDS[name].zh, name
    if name in _FACTS:
        return _FACTS[name]
    if name.startswith("voucher "):
        return f"券 {name.removeprefix('voucher ')}", name
    contract, _space, last = name.rpartition(" ")
    zh, en = _LAST.get(last, (last, last))
    return f"{contract} {zh}".strip(), f"{contract} {en}".strip()


def told_input(step: str, name: str, value: str) -> str:
    """An input on a line that tells both languages at once."""
    zh, en = input_words(step, name)
    return f"{zh} {value}" if zh == en else f"{zh} {en} {value}"
