"""Claims about `assignments` on the command line: the sides' own accounts, the same rules."""

import json
import shutil
from pathlib import Path

import pytest
from expense_cases import HOST_B, PROVIDER, START, TENANT, observe
from expense_facts import store
from kashi_server.bootstrap import opened
from kashi_server.services.accounts import Role
from openpyxl import load_workbook
from server_commands import run

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server with two cards that have reported, a contract, and an account for each side."""
    where = tmp_path_factory.mktemp("template") / "server"
    done = run("init", "--demo", "--directory", str(where))
    assert done.returncode == 0, done.stderr
    with opened(where) as server:
        minutes = observe(START, START + 60)
        minutes |= observe(START, START + 60, hardware_id="GPU-2", host_id=HOST_B)
        store(server.work, minutes)
        server.accounts.create("provider", PASSWORD, Role.PROVIDER, PROVIDER)
        server.accounts.create("tenant", PASSWORD, Role.COMPANY, TENANT)
    (where / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    return where


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> Path:
    """A copy of it, for one test."""
    return shutil.copytree(template, tmp_path / "server")


def command(directory: Path, *arguments: str, login: str = "", code: int = 0) -> str:
    """Run a command as somebody; what it printed, or what it refused with."""
    who = ["--login", login, "--password-file", str(directory / "password")] if login else []
    done = run("assignments", *arguments, *who, "-d", str(directory))
    assert done.returncode == code, done.stderr + done.stdout
    return done.stderr if code else done.stdout


def listed(directory: Path) -> dict[str, str]:
    """Numbers and states."""
    rows = json.loads(command(directory, "list", "--json"))
    return {row["assignment_id"]: row["standing"] for row in rows}


def test_both_sides_by_command(directory: Path) -> None:
    """Propose, confirm, propose an end, decline it: each by the account of its side."""
    fields = ["--contract", "HT-1", "--device", "GPU-1", "--from", "2026-10-01 10:20"]
    said = command(directory, "propose", *fields, login="provider")
    assert said.startswith("HT-1-0001  GPU-1  2026-10-01 10:20 – …")
    assert listed(directory) == {"HT-1-0001": "proposed"}
    told = command(directory, "confirm", "HT-1-0001", login="provider", code=3)
    assert "waits for the other side" in told
    command(directory, "confirm", "HT-1-0001", login="tenant")
    command(directory, "end", "HT-1-0001", "--until", "2026-10-20", login="tenant")
    assert listed(directory) == {"HT-1-0001": "end_proposed"}
    table = command(directory, "list", "--contract", "HT-1")
    assert "GPU-1" in table
    assert "变更结束时间待确认" in "".join(table.split())
    command(directory, "decline", "HT-1-0001", "--reason", "not yet", login="provider")
    assert listed(directory) == {"HT-1-0001": "confirmed"}
    checked = run("fsck", "-d", str(directory))
    assert "assignment" not in checked.stdout + checked.stderr


def test_a_sheet_by_command(directory: Path, tmp_path: Path) -> None:
    """Template out, filled in, previewed, taken; a wrong row keeps out all, with its place."""
    sheet = tmp_path / "assignments.xlsx"
    written = run("assignments", "template", str(sheet), "--login", "tenant", "-d", str(directory))
    assert written.returncode == 0, written.stderr
    book = load_workbook(sheet)
    book.worksheets[0].append(["HT-1", "GPU-1", "2026-10-01 10:20", "2026-10-02"])
    book.worksheets[0].append(["HT-1", "GPU-2", "2026-10-01 10:20:05"])
    book.save(sheet)
    told = command(directory, "import", str(sheet), login="tenant", code=3)
    assert "第 3 行 row 3, 开始时间 from: “2026-10-01 10:20:05”不是整分钟" in told
    assert listed(directory) == {}
    book.worksheets[0]["C3"] = "2026-10-01 10:20"
    book.save(sheet)
    assert "--dry-run" in command(directory, "import", str(sheet), "--dry-run", login="tenant")
    assert listed(directory) == {}
    command(directory, "import", str(sheet), login="tenant")
    assert listed(directory) == {"HT-1-0001": "proposed", "HT-1-0002": "proposed"}
    command(directory, "withdraw", "HT-1-0001", "HT-1-0002", login="tenant")
    assert set(listed(directory).values()) == {"withdrawn"}


def test_only_an_account_of_a_side_acts_and_only_with_its_password(directory: Path) -> None:
    """A wrong password, an officer, nobody: refused, and nothing is stored."""
    fields = ["--contract", "HT-1", "--device", "GPU-1", "--from", "2026-10-01"]
    assert "no account of a company" in command(
        directory, "propose", *fields, login="nobody", code=3
    )
    (directory / "password").write_text("something else entirely\n", encoding="utf-8")
    assert "password" in command(directory, "propose", *fields, login="tenant", code=3)
    assert "cannot be read" in command(
        directory, "import", str(directory / "none.xlsx"), login="tenant", code=4
    )
    assert listed(directory) == {}
