"""Certifying a month in one go: resumable, idempotent, and one failure stops no other."""

import json
import shutil
from pathlib import Path
from unittest.mock import patch

import pytest
from claim_cases import add_papers
from fixtures_certificates import COMPANY_A, make_month
from fixtures_database import Database
from kashi_server.bootstrap import opened
from kashi_server.errors import StorageError
from kashi_server.services.accounts import Role
from kashi_server.services.certificates import CertificateKeeping
from kashi_server.services.certificates_port import StoredCertificate
from server_commands import run
from sqlalchemy import text

OFFICERS = ("first-officer", "second-officer")


@pytest.fixture
def directory(sqlite_database: Database, tmp_path: Path) -> str:
    """A server whose month is closed and not certified."""
    make_month(sqlite_database.work)
    where = tmp_path / "server"
    assert run("init", "--demo", "--directory", str(where)).returncode == 0
    source = sqlite_database.engine.url.database
    assert source is not None
    shutil.copy(source, where / "kashi.sqlite")
    with opened(where) as server:
        for login in OFFICERS:
            server.accounts.create(login, f"correct horse of {login}", Role.OFFICER, None)
            password = f"correct horse of {login}\n"
            (tmp_path / f"{login}.password").write_text(password, encoding="utf-8")
    return str(where)


def _named(folder: Path, *proofs: str) -> tuple[str, ...]:
    """Both officers, and the password files of those who are at the console, as options."""
    named = [one for login in OFFICERS for one in ("--officer", login)]
    files = [one for login in proofs for one in ("--password-file", f"{folder}/{login}.password")]
    return (*named, *files)


@pytest.mark.parametrize(
    ("act", "words"), [("withdraw", "certificate-withdrawn"), ("reissue", "certificate-reissued")]
)
def test_two_officers_withdraw_and_issue_again(
    directory: str, tmp_path: Path, act: str, words: str
) -> None:
    """One officer, one at the console for two, or without a reason: nothing changes. Both, each by
    the own password: it is done, and is a privileged act of both."""
    issuing = run("certify", "2026-09", "--json", "-d", directory)
    (issued,) = (one for one in json.loads(issuing.stdout) if "HT-A" in one["statement_number"])
    how = {
        "withdraw": ("withdraw", issued["number"]),
        "reissue": ("certify", "--reissue", "--statement", issued["statement_number"]),
    }[act]
    why, first, second = ("--reason", "错误", "-d", directory), *OFFICERS
    if act == "reissue":
        with opened(Path(directory)) as server:
            add_papers(server.work)

    refused = [
        run(*how, *_named(tmp_path, first)[:2], *_named(tmp_path, first)[4:], *why),
        run(*how, *_named(tmp_path, first, first), *why),
        run(*how, *_named(tmp_path, second, second), *why),
        run(*how, *_named(tmp_path, first), *why),
        run(*how, *_named(tmp_path, first, second), *why[2:], "--reason", " "),
    ]
    told = [one.stderr for one in refused]
    stands = json.loads(run("certificates", "--json", "-d", directory).stdout)
    done = run(*how, *_named(tmp_path, first, second), *why)
    with opened(Path(directory)) as server, server.work.begin(writes=False) as unit:
        acts = unit.connection.execute(text("SELECT act, actor, reason FROM privileged_acts")).all()

    assert [one.returncode for one in refused] == [3] * 5, told
    assert "two different officers" in told[0]
    assert f"the password of {second} is wrong" in told[1]
    assert f"the password of {first} is wrong" in told[2]
    assert "once for each --officer" in told[3]
    assert "needs a reason" in told[4]
    assert stands == json.loads(issuing.stdout)
    assert done.returncode == 0, done.stderr
    assert [tuple(one) for one in acts if one.act.startswith("certificate")] == [
        (words, f"{first}, {second}", "错误")
    ]


def test_one_failure_stops_no_other_and_is_told(directory: str) -> None:
    """Two of three are issued; the third is named with its reason; run again, it goes on."""
    whole = CertificateKeeping.issue

    def failing(self: CertificateKeeping, number: str, actor: str) -> StoredCertificate:
        if number.endswith("HT-A"):
            raise StorageError("a report cannot be read back; run: fsck")
        return whole(self, number, actor)

    with patch.object(CertificateKeeping, "issue", failing):
        first = run("certify", "--month", "2026-09", "--all", "--json", "-d", directory)
    assert first.returncode == 1
    assert "not issued: KS-2026-09-HT-A: a report cannot be read back" in first.stderr
    assert "2 issued, 1 not" in first.stderr
    issued = json.loads(first.stdout)
    assert len(issued) == 2

    second = run("certify", "--month", "2026-09", "--all", "--json", "-d", directory)
    third = run("certify", "2026-09", "--json", "-d", directory)
    assert second.returncode == third.returncode == 0, second.stderr
    assert second.stdout == third.stdout
    found = {one["number"]: one for one in json.loads(second.stdout)}
    assert {one["number"] for one in issued} < set(found)
    assert [one["user_id"] for one in found.values()].count(COMPANY_A) == 1


def test_the_bar_goes_to_those_who_wait_not_into_the_output(directory: str) -> None:
    """What a person saves from the output holds the table alone."""
    done = run("certify", "--month", "2026-09", "--all", "-d", directory)

    assert done.returncode == 0, done.stderr
    assert "证明与结算单" in done.stdout
    assert "certifying" not in done.stdout


def test_whoever_waits_at_a_terminal_sees_a_bar_to_its_end(
    directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts every certificate of the month, also one that fails; a program's run has none."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    whole = CertificateKeeping.issue

    def failing(self: CertificateKeeping, number: str, actor: str) -> StoredCertificate:
        if number.endswith("HT-A"):
            raise StorageError("a report cannot be read back; run: fsck")
        return whole(self, number, actor)

    with patch.object(CertificateKeeping, "issue", failing):
        shown = run("certify", "--month", "2026-09", "--all", "-d", directory)
    quiet = run("certify", "--month", "2026-09", "--all", "--json", "-d", directory)

    assert "出具证明 certifying" in shown.stderr
    assert "100%" in shown.stderr
    assert "certifying" not in shown.stdout
    assert "certifying" not in quiet.stderr


def test_what_cannot_be_issued_is_a_sentence(directory: str) -> None:
    """Exit code 3, and what to say instead."""
    for arguments, told in (
        ([], "name a month"),
        (["--contract", "HT-A"], "--from and --to"),
        (["--contract", "HT-A", "--from", "2026-09", "--to", "2026-10"], "2026-10 is not closed"),
        (["--reissue"], "needs --statement"),
        (["--month", "2026-10"], "is not closed"),
    ):
        done = run("certify", *arguments, "-d", directory)
        assert done.returncode == 3, arguments
        assert told in done.stderr, arguments
