"""The command line of agreements, closing and rules, as an officer uses it."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from agreement_texts import contract_text, two_parties
from kashi_server.bootstrap import opened
from kashi_server.services.rulebook import PROGRAMMES
from server_commands import run
from sqlalchemy import text

AGREEMENTS = two_parties() + contract_text()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a fresh demonstration server, made once."""
    where = tmp_path_factory.mktemp("template") / "server"
    done = run("init", "--demo", *_proved(where.parent), "--directory", str(where))
    assert done.returncode == 0, done.stderr
    return where


def _proved(where: Path) -> tuple[str, ...]:
    """The officer with the password, as options."""
    file = where / "officer.password"
    file.write_text("correct horse battery\n", encoding="utf-8")
    return ("--officer", "officer", "--password-file", str(file))


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> str:
    """A copy of it, for one test."""
    return str(shutil.copytree(template, tmp_path / "server"))


def test_from_a_file_to_a_statement(directory: str, tmp_path: Path) -> None:
    """Import, close, list, print: the printed data has the hash that the list shows."""
    file = tmp_path / "agreements.toml"
    file.write_text(AGREEMENTS, encoding="utf-8")

    imported = run("import", str(file), *_proved(tmp_path), "-d", directory)
    again = run("import", str(file), *_proved(tmp_path), "-d", directory)
    closed = run("close", "2026-10", "-d", directory)
    listed = run("statements", "--json", "-d", directory)
    printed = run("statements", "--number", "KS-2026-10-HT-1", "-d", directory)
    table = run("statements", "-d", directory).stdout

    assert imported.stdout == (
        "新增 3 项，变更 0 项，未变 0 项。3 added, 0 changed, 0 stood so already.\n"
    )
    assert again.stdout == (
        "新增 0 项，变更 0 项，未变 3 项。0 added, 0 changed, 3 stood so already.\n"
    )
    assert "2026-10 is closed at log size" in closed.stdout
    (statement,) = json.loads(listed.stdout)
    assert statement["number"] == "KS-2026-10-HT-1"
    assert hashlib.sha256(printed.stdout.encode()).hexdigest() == statement["sha256"]
    assert json.loads(printed.stdout)["statement"]["demo"] is True
    # What ~ and unknown mean stands below the table, in both languages.
    assert "约 ~ " in table or "未知 unknown" in table
    assert -1 < table.find("“约”为补贴估算") < table.find("~ is an estimate of the subsidy")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["close", "2026-13"], "there is no month 2026-13"),
        (["close", "October"], "write it as 2026-10"),
        (["close", "2199-01"], "is not over"),
        (["close", "2026-10"], "nobody reported in it and no contract runs in it: check the month"),
        (["statements", "--number", "KS-1"], "there is no statement 'KS-1'"),
        (["rules", "show", "nothing"], "there are no rules of 'nothing'"),
    ],
)
def test_a_refusal_is_a_sentence_and_exit_code_3(
    directory: str, arguments: list[str], told: str
) -> None:
    """No traceback: what is wrong, and what to write instead."""
    done = run(*arguments, "-d", directory)

    assert (done.returncode, done.stdout) == (3, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_who_imports_is_kept_with_every_file_and_proves_it(directory: str, tmp_path: Path) -> None:
    """A typed login takes nothing in; who did, when, why and each file's hash are a privileged act
    in the log, and files that stand so already are none."""
    file, wrong = tmp_path / "agreements.toml", tmp_path / "wrong.password"
    file.write_bytes(AGREEMENTS.replace("\n", "\r\n").encode())
    wrong.write_text("guessed\n", encoding="utf-8")
    importing = ("import", str(file), "-d", directory, "--officer", "officer")

    nobody = run("import", str(file), "-d", directory)
    typed = run(*importing, "--password-file", str(wrong))
    none = _acts(directory)
    done = run(*importing, *_proved(tmp_path)[2:], "--reason", "首批合同")
    again = run(*importing, *_proved(tmp_path)[2:])

    assert (nobody.returncode, typed.returncode, none) == (2, 3, [])
    assert "the password of officer is wrong" in typed.stderr
    assert (done.returncode, again.returncode) == (0, 0), done.stderr
    assert _acts(directory) == [
        {
            "act": "agreements-imported",
            "actor": "officer",
            "reference": hashlib.sha256(file.read_bytes()).hexdigest(),
            "reason": f"{file}: 首批合同",
        }
    ]


def _acts(directory: str) -> list[dict[str, str]]:
    """The privileged acts that are kept, each with its entry for the log."""
    with opened(Path(directory)) as server, server.work.begin(writes=False) as unit:
        query = "SELECT act, actor, reference, reason, utc_ms FROM privileged_acts"
        acts = [dict(one) for one in unit.connection.execute(text(query)).mappings()]
        logged = "SELECT entry FROM log_pending WHERE kind = 'privileged-act'"
        entries = [json.loads(one) for one in unit.connection.execute(text(logged)).scalars()]
    assert entries == acts
    for one in acts:
        assert one.pop("utc_ms") > 0
    return acts


def test_an_empty_month_is_closed_only_where_that_is_said(directory: str, tmp_path: Path) -> None:
    """A refusal closes nothing; --empty closes it for good, so that the next month can follow."""
    refused = run("close", "2026-09", "-d", directory)
    closed = run("close", "2026-09", "--empty", "-d", directory)
    twice = run("close", "2026-09", "--empty", "-d", directory)
    file = tmp_path / "agreements.toml"
    file.write_text(AGREEMENTS.replace("2026-09-01", "2026-10-01"), encoding="utf-8")
    assert run("import", str(file), *_proved(tmp_path), "-d", directory).returncode == 0
    filled = run("close", "2026-10", "--empty", "-d", directory)
    followed = run("close", "2026-10", "-d", directory)

    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr.endswith("close it with --empty\n")
    assert (closed.returncode, "2026-09 is closed" in closed.stdout) == (0, True)
    assert (twice.returncode, "2026-09 is closed" in twice.stderr) == (3, True)
    assert (filled.returncode, "2026-10 is not empty (statements: 1)" in filled.stderr) == (3, True)
    assert followed.returncode == 0


def test_mistakes_in_a_file_are_listed(directory: str, tmp_path: Path) -> None:
    """Each with file and line; the exit code says refused."""
    file = tmp_path / "agreements.toml"
    file.write_text(AGREEMENTS.replace("2026-08-20", "soon", 1), encoding="utf-8")
    spoilt = tmp_path / "more.toml"
    spoilt.write_text("[[party]]\nkind = 'company'\n", encoding="utf-8")

    done = run("import", str(file), str(spoilt), *_proved(tmp_path), "-d", directory)

    assert done.returncode == 3
    assert f"{file}:15:" in done.stderr
    assert f"{spoilt}:1: party[1].party_id: 缺少此字段" in done.stderr


def test_rules_are_checked_and_shown(directory: str, tmp_path: Path) -> None:
    """The shipped file is sound; a spoilt copy is not; the table shows what is unknown."""
    shipped = PROGRAMMES / "shenzhen-compute-voucher.toml"
    spoilt = tmp_path / "spoilt.toml"
    text = shipped.read_text(encoding="utf-8")
    spoilt.write_text(text.replace('value = "0.50"', "value = 0.50", 1), encoding="utf-8")

    sound, refused = run("rules", "check", str(shipped)), run("rules", "check", str(spoilt))
    shown = run("rules", "show", "--json", "-d", directory)

    assert "is sound" in sound.stdout
    assert refused.returncode == 1
    assert "as text" in refused.stderr
    assert json.loads(shown.stdout)["programme_id"] == "shenzhen-compute-voucher"
