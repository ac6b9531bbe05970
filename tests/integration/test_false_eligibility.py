"""Eligibility is held against the attached rules and against what both sides declared."""

import json
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from fixtures_certificates import CertificateFiles
from kashi_verify.eligibility import check_eligibility
from kashi_verify.findings import CheckFailed
from kashi_verify.standing import check_standing

Statement = dict[str, Any]
Change = Callable[[Statement], None]


@pytest.fixture
def month(certificate_files: CertificateFiles) -> tuple[Statement, bytes]:
    """The true statement of company A and the rules attached to its certificate."""
    with zipfile.ZipFile(certificate_files.bundle) as archive:
        found: Statement = json.loads(archive.read("statement.json"))
        return found, archive.read("rules.json")


def written(rules: Statement) -> bytes:
    """Rules as they are hashed."""
    return json.dumps(rules, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def check(statement: Statement, *attached: bytes) -> None:
    """Hold a statement's lines against rules under their own hashes."""
    check_eligibility(statement, {sha256(one).hexdigest(): one for one in attached})


def renamed(statement: Statement, rules: bytes, changed: Statement) -> bytes:
    """Let every line that names the rules name the changed ones."""
    content = written(changed)
    for line in statement["lines"]:
        if line["rules_sha256"] == sha256(rules).hexdigest():
            line["rules_sha256"] = sha256(content).hexdigest()
    return content


def test_true_statement_holds(month: tuple[Statement, bytes]) -> None:
    """The statement that these tests falsify is eligible under the rules beside it."""
    statement, rules = month
    assert any(line["eligible"] for line in statement["lines"])

    check(statement, rules)


def _of_lines(**said: object) -> Change:
    def change(statement: Statement) -> None:
        for line in statement["lines"]:
            line |= said

    return change


def _related(statement: Statement) -> None:
    statement["contract"]["unrelated_declared"] = False
    statement["subsidy"]["case"]["service"]["related"] = True


def _related_without_need(statement: Statement) -> None:
    _of_lines(eligible=False, reasons=["related_parties"])(statement)


def _without_rules(statement: Statement) -> None:
    _of_lines(eligible=False, reasons=["no_active_rules"])(statement)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_of_lines(rules_sha256=None), "Line 1 is eligible and names no rules"),
        (_of_lines(rules_sha256="0" * 64), "Line 1 names the rules 0000.* not attached"),
        (_of_lines(rules_sha256=None, eligible=False), "Line 1 names no rules"),
        (_related, "Line 1 is eligible .* related"),
        (_related_without_need, "Line 1 .*related_parties"),
        (_without_rules, "Line 1 .*no_active_rules"),
        (_of_lines(eligible=False), "Line 1 is not eligible and gives no reason"),
    ],
)
def test_false_eligibility_is_found(
    month: tuple[Statement, bytes], change: Change, words: str
) -> None:
    """A line's eligibility follows from the rules it names and from the declaration, both ways."""
    statement, rules = month
    change(statement)

    with pytest.raises(CheckFailed, match=words):
        check(statement, rules)


def test_related_sides_are_eligible_where_rules_allow_them(
    month: tuple[Statement, bytes],
) -> None:
    """Only rules that forbid related sides take what related sides lease."""
    statement, rules = month
    _related(statement)
    changed = json.loads(rules)
    for one in changed["parameters"]:
        if one["name"] == "related_party_forbidden":
            one["value"] = False

    check(statement, renamed(statement, rules, changed))


@pytest.mark.parametrize("edge", ["start", "end"])
def test_rules_that_were_not_in_force_are_found(month: tuple[Statement, bytes], edge: str) -> None:
    """A line under rules that had ended before it, or began after its beginning, fails by name."""
    statement, rules = month
    changed = json.loads(rules)
    first = statement["lines"][0]
    begun = datetime.fromisoformat(first["start"]) + timedelta(minutes=1)
    changed["in_force"][edge] = first["start"] if edge == "end" else begun.isoformat()

    with pytest.raises(CheckFailed, match=r"Line 1 .*in force"):
        check(statement, renamed(statement, rules, changed))


def test_a_later_version_in_force_is_the_one(month: tuple[Statement, bytes]) -> None:
    """Where a version that begins later holds too, a line under the earlier one fails."""
    statement, rules = month
    later = json.loads(rules)
    later["version"] = "2026-09-01"
    later["in_force"]["start"] = "2026-09-01T00:00:00+08:00"

    with pytest.raises(CheckFailed, match=r"Line 1 .*2026-09-01"):
        check(statement, rules, written(later))


def test_what_a_later_version_ended_does_not_come_back(month: tuple[Statement, bytes]) -> None:
    """Rules that began later and ended before the lines leave none: the earlier ones, whose own
    date is still to come, are over; lines that name them all the same fail."""
    statement, rules = month
    ended = json.loads(rules)
    ended["version"] = "ended"
    first = min(datetime.fromisoformat(line["start"]) for line in statement["lines"])
    ended["in_force"] = {
        "start": (first - timedelta(days=2)).isoformat(),
        "end": (first - timedelta(days=1)).isoformat(),
    }
    with pytest.raises(CheckFailed, match=r"Line 1 names .* does not come back"):
        check(statement, rules, written(ended))
    _of_lines(rules_sha256=None, eligible=False, reasons=["no_active_rules"])(statement)

    check(statement, rules, written(ended))
    with pytest.raises(CheckFailed, match="Line 1 names no rules although"):
        check(statement, rules)


@pytest.mark.parametrize("level", ["E1", "E3", ""])
def test_the_level_of_the_quality_is_the_weakest_line(
    month: tuple[Statement, bytes], level: str
) -> None:
    """Better or worse than the lines: neither holds."""
    statement, _ = month
    assert {line["evidence_level"] for line in statement["lines"]} == {"E2"}
    statement["quality"]["evidence_level"] = level

    with pytest.raises(CheckFailed, match="evidence_level"):
        check_standing(statement)
