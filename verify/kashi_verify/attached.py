"""Step 5: the attached files, each spelled canonically, each with the hash that names it.

Two generations of the head are read. `kashi/v1/certificate` names one statement and its evidence;
`kashi/v2/certificate` names every attached file, and may certify several months, whose files carry
the month in their names. Rules that held for a part of a month only carry their hash in their name
(`rules-HASH.json`), once for all months.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from kashi_verify import document
from kashi_verify.arithmetic import instant_ms
from kashi_verify.canonical import read_canonical
from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]
HEAD: Final = "certificate.json"
SUMMARY: Final = "summary.json"
LINES: Final = "lines.csv"
_V1: Final = "kashi/v1/certificate"
_V2: Final = "kashi/v2/certificate"
_STAMPINGS: Final = ("none", "rfc3161", "unavailable")
_RULES: Final = re.compile(r"rules-[0-9a-f]{64}")
MONTHS_MAX: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One month's statement and evidence as data, its files by kind, its rules as bytes."""

    statement: Data
    evidence: Data
    files: Mapping[str, bytes]

    @property
    def rules(self) -> bytes | None:
        """The rules that are attached for it."""
        return self.files.get("rules")

    @property
    def rules_by_hash(self) -> Mapping[str, bytes]:
        """The same, every other version that its lines name, and those that began within the month,
        by SHA-256."""
        found = (content for kind, content in self.files.items() if kind.startswith("rules"))
        return {sha256(content).hexdigest(): content for content in found}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """The attachments as bytes and as data, and the file they were in."""

    files: Mapping[str, bytes]
    certificate: Data
    months: tuple[Month, ...]
    summary: Data | None
    opened: document.Opened

    @property
    def statements(self) -> tuple[Data, ...]:
        """The statements in the order of their months."""
        return tuple(month.statement for month in self.months)

    @property
    def last(self) -> Data:
        """The statement of the last month."""
        return self.months[-1].statement

    @property
    def time_stamp(self) -> str:
        """Whether the head promises a time-stamp."""
        found: str = self.certificate.get("time_stamp", "none")
        return found


def read_attached(opened: document.Opened) -> Attached:
    """Read what is attached to a document.

    Raises:
        CheckFailed: a file is missing, added, misspelled, or not the one that is named.
    """
    return read_files(document.attachments(opened), opened)


def read_files(files: Mapping[str, bytes], opened: document.Opened) -> Attached:
    """Read attachments by name, of a document that was opened.

    Raises:
        CheckFailed: a file is missing, added, misspelled, or not the one that is named.
    """
    if HEAD not in files:
        raise CheckFailed(f"未附 {HEAD}。{HEAD} is not attached")
    head = read_canonical(HEAD, files[HEAD])
    if head["format"] == _V1:
        months = _first_generation(head, files)
    elif head["format"] == _V2:
        months = _second_generation(head, files)
    else:
        raise CheckFailed(
            f"{HEAD} 的格式为 {head['format']}，本程序不能读取。"
            f"{HEAD} is of format {head['format']}, which this verifier cannot read"
        )
    for month in months:
        _check_month(month)
    summary = None
    if SUMMARY in files:
        summary = read_canonical(SUMMARY, files[SUMMARY])
        _check_format(SUMMARY, summary, "kashi/v1/summary")
    return Attached(files=files, certificate=head, months=months, summary=summary, opened=opened)


def _first_generation(head: Data, files: Mapping[str, bytes]) -> tuple[Month, ...]:
    expected = {HEAD, "statement.json", "evidence.json"} | ({"rules.json"} & set(files))
    if set(files) != expected:
        raise CheckFailed(
            f"所附为 {sorted(files)}，应为 {sorted(expected)}。"
            f"Attached are {sorted(files)} instead of {sorted(expected)}"
        )
    month = _month(files, "")
    _check_named(head, [month])
    return (month,)


def _second_generation(head: Data, files: Mapping[str, bytes]) -> tuple[Month, ...]:
    expected = {HEAD, *head["files"]}
    if set(files) != expected or not {SUMMARY, LINES} <= expected:
        raise CheckFailed(
            f"所附为 {sorted(files)}，应为 {sorted(expected)}。"
            f"Attached are {sorted(files)} instead of {sorted(expected)}"
        )
    for name, named in head["files"].items():
        found = sha256(files[name]).hexdigest()
        if found != named:
            raise CheckFailed(
                f"{name} 的哈希为 {found}；所记为 {named}。"
                f"{name} hashes to {found}; named is {named}"
            )
    if head["time_stamp"] not in _STAMPINGS:
        raise CheckFailed(
            f"首部的时间戳一项为“{head['time_stamp']}”。"
            f"The head says '{head['time_stamp']}' of a time-stamp"
        )
    names = _months_between(head["months"]["first"], head["months"]["last"])
    marks = [""] if len(names) == 1 else [f"-{name}" for name in names]
    months = tuple(_month(files, mark) for mark in marks)
    known = {f"{kind}{mark}.json" for mark in marks for kind in ("statement", "evidence", "rules")}
    named = {f"{kind}.json" for month in months for kind in month.files if _RULES.fullmatch(kind)}
    strange = sorted(expected - known - named - {HEAD, SUMMARY, LINES})
    if strange:
        raise CheckFailed(
            f"附有不属于任何月份的文件：{strange}。Attached are files of no month: {strange}"
        )
    found_months = [month.statement["period"]["month"] for month in months]
    if found_months != names:
        raise CheckFailed(
            f"结算属于 {found_months}，首部写的是 {names}。"
            f"The statements are of {found_months}, the head says {names}"
        )
    _check_named(head, months)
    return months


def _months_between(first: str, last: str) -> list[str]:
    try:
        (year, month), end = map(int, first.split("-")), last
        found = [first]
        while found[-1] != end and len(found) < MONTHS_MAX:
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            found.append(f"{year:04d}-{month:02d}")
    except ValueError as error:
        raise CheckFailed(
            f"“{first}”至“{last}”不是月份。'{first}' to '{last}' are no months"
        ) from error
    if found[-1] != last:
        raise CheckFailed(
            f"“{first}”至“{last}”不是相继的月份。"
            f"'{first}' to '{last}' are no months that follow each other"
        )
    return found


def _month(files: Mapping[str, bytes], mark: str) -> Month:
    found = {
        kind: files[f"{kind}{mark}.json"]
        for kind in ("statement", "evidence", "rules")
        if f"{kind}{mark}.json" in files
    }
    for kind in ("statement", "evidence"):
        if kind not in found:
            raise CheckFailed(f"未附 {kind}{mark}.json。{kind}{mark}.json is not attached")
    statement = read_canonical(f"statement{mark}.json", found["statement"])
    found |= _changed_rules(files, statement, found.get("rules"))
    return Month(
        statement=statement,
        evidence=read_canonical(f"evidence{mark}.json", found["evidence"]),
        files=found,
    )


def _changed_rules(
    files: Mapping[str, bytes], statement: Data, own: bytes | None
) -> Iterator[tuple[str, bytes]]:
    """Attached rules beside those the statement names: lines of the month name them, or they began
    within it, and may have ended others though no line names them."""
    named = {line["rules_sha256"] for line in statement["lines"]}
    for name, content in sorted(files.items()):
        kind = name.removesuffix(".json")
        if not _RULES.fullmatch(kind) or content == own:
            continue
        digest = kind.removeprefix("rules-")
        if sha256(content).hexdigest() != digest:
            raise CheckFailed(f"{name} 的哈希与其名称不符。{name} does not hash to its name")
        if digest in named or _began_within(statement, read_canonical(name, content)):
            yield kind, content


def _began_within(statement: Data, rules: Data) -> bool:
    """Rules of the statement's programme that began within its month."""
    programme, period = statement["programme"], statement["period"]
    if programme is None or programme["programme_id"] != rules["programme_id"]:
        return False
    start, end = instant_ms(period["start"]), instant_ms(period["end"])
    return start <= instant_ms(rules["in_force"]["start"]) < end


def _check_format(name: str, data: Data, wanted: str) -> None:
    if data["format"] != wanted:
        raise CheckFailed(
            f"{name} 的格式为 {data['format']}，应为 {wanted}。"
            f"{name} is of format {data['format']}, not {wanted}"
        )


def _check_month(month: Month) -> None:
    _check_format("the statement", month.statement, "kashi/v1/statement")
    _check_format("the evidence", month.evidence, "kashi/v1/evidence")
    found = sha256(month.files["statement"]).hexdigest()
    if month.evidence["statement_sha256"] != found:
        raise CheckFailed(
            f"证据所指结算的哈希为 {found}；所记为 {month.evidence['statement_sha256']}。"
            f"The statement of the evidence hashes to {found}; named is "
            f"{month.evidence['statement_sha256']}"
        )


def _check_named(head: Data, months: Sequence[Month]) -> None:
    """The head names the statements, one after the other, and their evidence, by one hash each."""
    for kind in ("statement", "evidence"):
        found = sha256(b"".join(month.files[kind] for month in months)).hexdigest()
        if head[kind]["sha256"] != found:
            raise CheckFailed(
                f"{kind} 的哈希为 {found}；所记为 {head[kind]['sha256']}。"
                f"The {kind} hashes to {found}; named is {head[kind]['sha256']}"
            )
    stated = [month.statement["statement"] for month in months]
    if head["demo"] != any(one["demo"] for one in stated):
        raise CheckFailed(
            "首部与结算对是否为演示说法不一。"
            "The head and the statements do not agree that it is a demonstration"
        )
    revision = 1 + sum(one["revision"] - 1 for one in stated)
    if head["statement"]["revision"] != revision:
        raise CheckFailed(
            f"首部所记修订号为 {head['statement']['revision']}，应为 {revision}。"
            f"The head names revision {head['statement']['revision']}, not {revision}"
        )
    if len(stated) == 1 and head["statement"]["number"] != stated[0]["number"]:
        raise CheckFailed(
            "证明所指的结算不是所附的结算。"
            "The certificate names another statement than the one attached"
        )
    users = {month.statement["user"]["party_id"] for month in months}
    contracts = {(month.statement["contract"] or {}).get("contract_id") for month in months}
    if len(users) != 1 or len(contracts) != 1:
        raise CheckFailed(
            "各月不属于同一使用方的同一合同。The months are not of one user under one contract"
        )
