"""Step 7, second part: what a line says of its evidence agrees with itself.

1. the level is one of E0 to E3; a line is of level E1 just where it names a provider's statement;
   E3, a key in hardware, is the office's word: no bundle carries the entries of its officers;
2. such a line names the file by its hash, its rows, a site in the place of a host, whole cards;
3. gap time that a rule counts is a part of the gap, and what counts by continuity lies within gaps
   across which driver and holders stayed the same.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from kashi_verify.detail import Detail
from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]
COUNTED: Final = ("continuity_ms", "officer_ms")
"""Columns that only lines have which count gap time; elsewhere they are 0."""

_LEVELS: Final = ("E0", "E1", "E2", "E3")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SITE: Final = "site:"


def check_line_evidence(name: Detail, line: Data) -> None:
    """Check one line.

    Raises:
        CheckFailed: what it says of its evidence cannot be.
    """
    level, stated = line["evidence_level"], line.get("stated")
    if level not in _LEVELS:
        raise CheckFailed(
            f"{name.zh}：没有证据等级 {level}。{name.en}: there is no evidence level {level}"
        )
    if (stated is not None) != (level == "E1"):
        raise CheckFailed(
            f"{name.zh}：等级 {level} 与其依据不符。"
            f"{name.en}: level {level} does not fit what stands behind it"
        )
    if stated is not None:
        _check_stated(name, line, stated)
    _check_counted(name, line)


def _check_stated(name: Detail, line: Data, stated: Data) -> None:
    first, last = stated["source_lines"]
    if _SHA256.fullmatch(stated["source_sha256"]) is None or not stated["attestation_id"]:
        raise CheckFailed(
            f"{name.zh} 未指明供给方的声明及其文件。"
            f"{name.en} does not name the provider's statement and its file"
        )
    if stated["records"] < 1 or not 1 <= first <= last:
        raise CheckFailed(
            f"{name.zh} 未指明所汇总的文件行。"
            f"{name.en} does not name the rows of the file that it sums up"
        )
    if line["host_id"] != f"{_SITE}{stated['site']}":
        raise CheckFailed(
            f"{name.zh} 声明的是 {stated['site']}，却列在 {line['host_id']}。"
            f"{name.en} is stated of {stated['site']} and stands with {line['host_id']}"
        )
    if not str(line["share"]).isdigit():
        raise CheckFailed(
            f"{name.zh} 声明了 {line['share']} 张卡，不是整卡。"
            f"{name.en} is stated of {line['share']} cards, which are no whole ones"
        )


def _check_counted(name: Detail, line: Data) -> None:
    counted = line["quantities"]
    continuity_ms, officer_ms = (counted.get(column, 0) for column in COUNTED)
    if min(continuity_ms, officer_ms) < 0 or continuity_ms + officer_ms > counted["gap_ms"]:
        raise CheckFailed(
            f"{name.zh} 在 {counted['gap_ms']} 毫秒缺口中计入 {continuity_ms} + {officer_ms} 毫秒。"
            f"{name.en} counts {continuity_ms} + {officer_ms} ms of {counted['gap_ms']} ms of gap"
        )
    sure_ms = sum(
        gap["span_ms"]
        for gap in line.get("gaps", ())
        if gap["counted_as"] == "continuity" and gap["same_driver"] and gap["same_holders"]
    )
    if continuity_ms > sure_ms:
        raise CheckFailed(
            f"{name.zh} 按连续性计入 {continuity_ms} 毫秒；其缺口只支持 {sure_ms} 毫秒。"
            f"{name.en} counts {continuity_ms} ms by continuity; its gaps speak for {sure_ms} ms"
        )
