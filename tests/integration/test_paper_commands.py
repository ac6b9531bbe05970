"""The commands of papers, from a contract in parts to its files, as a clerk types them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from expense_cases import PROVIDER, TENANT
from kashi_server.bootstrap import opened
from kashi_server.services.accounts import Role
from paper_cases import BLUE, CONTRACT, PARTIES, PARTS, export_of, invoice, taxed
from server_commands import Done, run
from workbooks import workbook

LISTING = f"""\
[[listing]]
listing_id = "2025-2-1"
provider = "{PROVIDER}"
batch = "2025年第二批"
service_item = "智算训练服务"
listed_from = 2026-04-09
document = "深科创〔2026〕15号"
"""
MAPPING = """\
[[line]]
contract = "HT-1"
contains = "存储"
part = "storage"

[[line]]
contract = "HT-1"
part = "accelerator"
"""
PAYMENT = f"""\
[[payment]]
reference = "20261020-0001"
payer = "{TENANT}"
payee = "{PROVIDER}"
paid_on = 2026-10-20
amount_yuan = "50000.00"
covers = [{{ invoice = "{BLUE.number}", amount_yuan = "50000.00" }}]
"""
PROVED = (("invoices", "import"), ("invoices", "map"), ("payments", "import"), ("files", "add"))
"""Commands that one officer proves."""
Command = Callable[..., Done]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a demonstration server with an officer and two contracts, made once."""
    where = tmp_path_factory.mktemp("template") / "server"
    done = run("init", "--demo", "--directory", str(where))
    assert done.returncode == 0, done.stderr
    with opened(where) as server:
        for login in ("clerk", "second"):
            by = tuple(sorted(server.accounts.officers()))
            server.accounts.create(login, "correct-horse-battery", Role.OFFICER, None, by=by)
    agreements = where.parent / "agreements.toml"
    agreements.write_text(PARTIES + CONTRACT + PARTS + LISTING, encoding="utf-8")
    password = where.parent / "clerk.password"
    password.write_text("correct-horse-battery\n", encoding="utf-8")
    proved = ("--officer", "clerk", "--password-file", str(password))
    assert run("import", str(agreements), *proved, "-d", str(where)).returncode == 0
    return where


@pytest.fixture
def command(template: Path, tmp_path: Path) -> Command:
    """Runs a command on a copy of it."""
    directory = str(shutil.copytree(template, tmp_path / "server"))
    secret = template.parent / "clerk.password"

    def on_it(*arguments: str, expect: int = 0) -> Done:
        proves = arguments[:2] in PROVED and "--password-file" not in arguments
        proof = ("--password-file", str(secret)) if proves else ()
        done = run(*arguments, *proof, "-d", directory)
        assert done.returncode == expect, done.stdout + done.stderr
        return done

    return on_it


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """What a clerk has: an export, a mapping, payments, a scan."""
    (tmp_path / "发票.xlsx").write_bytes(workbook(*export_of((BLUE, "正常", ""))))
    (tmp_path / "map.toml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "付款.toml").write_text(PAYMENT, encoding="utf-8")
    (tmp_path / "合同.pdf").write_bytes(b"%PDF-1.7 sample")
    return tmp_path


def told(done: Done) -> Any:
    """What a command printed for a program."""
    return json.loads(done.stdout)


def test_from_the_bureaus_files_to_papers_of_a_contract(command: Command, files: Path) -> None:
    """Invoices with their parts, a payment, a file: three commands; and fsck finds all of it."""
    officer = ("--officer", "clerk")
    invoices = command(
        "invoices", "import", str(files / "发票.xlsx"), *officer,
        "--mapping", str(files / "map.toml"), "--json",
    )  # fmt: skip
    payments = command("payments", "import", str(files / "付款.toml"), *officer, "--json")
    added = command(
        "files", "add", str(files / "合同.pdf"), "--subject", "contract:HT-1",
        "--owner", TENANT, *officer, "--json",
    )  # fmt: skip

    assert told(invoices)["added"] == 1
    assert told(invoices)["mapped_lines"] == 2
    assert told(payments) == {"added": 1, "changed": 0, "unchanged": 0}
    shown = told(command("invoices", "show", BLUE.number, "--json"))
    assert shown["status"] == "normal"
    assert shown["paid_fen"] == 5_000_000
    assert [(line["contract_id"], line["part"]) for line in shown["lines"]] == [
        ("HT-1", "accelerator"),
        ("HT-1", "storage"),
    ]
    assert [part["left_fen"] for part in shown["parts"]] == [5_936_000, 848_000]
    out = files / "out.pdf"
    command("files", "get", told(added)["sha256"], str(out))
    assert out.read_bytes() == b"%PDF-1.7 sample"
    assert "Everything stored" in command("fsck").stdout


@pytest.mark.parametrize(
    "typed",
    [
        ("invoices", "import", "发票.xlsx"),
        ("invoices", "map", BLUE.number, "--contract", "HT-1", "--part", "storage"),
        ("payments", "import", "付款.toml"),
        ("files", "add", "合同.pdf", "--subject", "contract:HT-1", "--owner", TENANT),
    ],
)
def test_an_officer_proves_what_is_done_with_papers(
    command: Command, files: Path, tmp_path: Path, typed: tuple[str, ...]
) -> None:
    """A login alone is nobody: with another password nothing is taken, and the trail names who
    was refused; with the own one the trail names who did what."""
    if typed[1] == "map" or typed[0] == "payments":
        command("invoices", "import", str(files / "发票.xlsx"), "--officer", "clerk")
    words = [str(files / one) if (files / one).exists() else one for one in typed]
    wrong = files / "wrong"
    wrong.write_text("wrong horse battery\n", encoding="utf-8")

    refused = command(*words, "--officer", "clerk", "--password-file", str(wrong), expect=3)
    command(*words, "--officer", "clerk")

    assert "the password of clerk is wrong" in refused.stderr
    with opened(tmp_path / "server") as server, server.work.begin(writes=False) as unit:
        done, before = unit.accounts.audit(2)
    assert (before.login, before.act) == ("clerk", "sign-in-refused")
    assert (done.login, done.address, done.act, done.subject) == (
        "clerk",
        "console",
        "console-proved",
        " ".join(typed[:2]),
    )


def test_two_officers_put_a_payment_right(command: Command, files: Path) -> None:
    """By both passwords: what went back counts no more; it is listed, and fsck finds it logged."""
    command("invoices", "import", str(files / "发票.xlsx"), "--officer", "clerk")
    command("payments", "import", str(files / "付款.toml"), "--officer", "clerk")
    secret = files / "password"
    secret.write_text("correct-horse-battery\n", encoding="utf-8")
    back = ("payments", "put-right", TENANT, "20261020-0001", "--document", "退款回单.pdf")
    both = ("--officer", "clerk", "--officer", "second", "--reason", "服务中止")
    proofs = ("--password-file", str(secret)) * 2

    alone = command(*back, "--officer", "clerk", "--reason", "x", expect=3)
    half = command(*back, *both, *proofs, "--invoice", BLUE.number, expect=3)
    done = command(*back, *both, *proofs, "--invoice", BLUE.number, "--amount", "20000.00")

    assert "two different officers" in alone.stderr
    assert "or neither" in half.stderr
    assert "现计 counts now 30000.00" in done.stdout
    assert told(command("invoices", "show", BLUE.number, "--json"))["paid_fen"] == 3_000_000
    (listed,) = told(command("payments", "list", "--json"))
    assert (listed["covers"], listed["counted"]) == (
        {BLUE.number: 5_000_000},
        {BLUE.number: 3_000_000},
    )
    assert "退回 went back" in command("payments", "list").stdout
    assert "Everything stored" in command("fsck").stdout


def test_two_officers_decide_which_content_of_a_number_stands(
    command: Command, files: Path
) -> None:
    """By both passwords; both contents are shown, with who told them, before and after."""
    command("invoices", "import", str(files / "发票.xlsx"), "--officer", "clerk")
    other = export_of((invoice(1, taxed(100, 6)), "正常", ""))
    (files / "真.xlsx").write_bytes(workbook(*other))
    command("invoices", "import", str(files / "真.xlsx"), "--officer", "clerk")
    secret = files / "password"
    secret.write_text("correct-horse-battery\n", encoding="utf-8")
    deciding = ("invoices", "decide", BLUE.number, "--version", "2", "--document", "查验结果.pdf")
    both = ("--officer", "clerk", "--officer", "second", "--reason", "首次导入有误")

    contested = told(command("invoices", "show", BLUE.number, "--json"))
    alone = command(*deciding, *both, "--password-file", str(secret), expect=3)
    done = command(*deciding, *both, *(("--password-file", str(secret)) * 2))
    shown = command("invoices", "show", BLUE.number).stdout

    assert (contested["status"], contested["version"]) == ("void", 1)
    assert [one["ex_tax_fen"] for one in contested["versions"]] == [6_400_000, 10_000]
    assert "once for each --officer" in alone.stderr
    assert "version 2 stands, 106.00 元" in done.stdout
    assert "第 1 版 version: 不作数" in shown
    assert "第 2 版 version: 现行" in shown
    assert "裁定 decided: 第 2 版 version，查验结果.pdf，clerk, second：首次导入有误" in shown
    assert "Everything stored" in command("fsck").stdout


def test_what_people_read(command: Command, files: Path) -> None:
    """Tables and lines in Chinese and English, with what other commands take, uncut."""
    command("invoices", "import", str(files / "发票.xlsx"), "--officer", "clerk")
    mapped = command(
        "invoices", "map", BLUE.number, "--contract", "HT-1", "--part", "accelerator",
        "--officer", "clerk", "--line", "1",
    )  # fmt: skip
    command("payments", "import", str(files / "付款.toml"), "--officer", "clerk")
    listed = command("invoices", "list").stdout
    shown = command("invoices", "show", BLUE.number).stdout

    assert mapped.stdout == "1 → HT-1 accelerator\n"
    assert BLUE.number in listed
    assert "正常" in listed
    assert "已付 paid 50000.00" in shown
    assert "2. *信息技术服务*存储服务费  8480.00  → 未对应 no part" in shown
    assert BLUE.number in command("payments", "list").stdout
    assert "智算训练服务" in command("providers", "list").stdout
    assert "合计 total 954000.00" in command("contracts", "show", "HT-1").stdout
    assert "0 个文件 files." in command("files", "list").stdout


def test_a_contract_without_parts_has_no_total(command: Command, tmp_path: Path) -> None:
    """What nobody stated is not 0.00, for a person and for a program."""
    file = tmp_path / "bare.toml"
    file.write_text(
        f"""[[contract]]
contract_id = "HT-BARE"
provider = "{PROVIDER}"
user = "{TENANT}"
signed_on = 2026-08-20
from = 2026-09-01T00:00:00+08:00
""",
        encoding="utf-8",
    )
    password = tmp_path / "clerk.password"
    password.write_text("correct-horse-battery\n", encoding="utf-8")
    command("import", str(file), "--officer", "clerk", "--password-file", str(password))
    shown = command("contracts", "show", "HT-BARE").stdout
    facts = told(command("contracts", "show", "HT-BARE", "--json"))

    assert "合计 total 未提供 not stated" in shown
    assert (facts["total_incl_fen"], facts["total_ex_tax_fen"]) == (None, None)


def test_who_was_listed_when(command: Command) -> None:
    """On a day, for an item."""
    item = ("--item", "智算训练服务", "--json")

    assert len(told(command("providers", "list", "--on", "2026-04-09", *item))) == 1
    assert told(command("providers", "list", "--on", "2026-04-08", *item)) == []
    assert "is not a day" in command("providers", "list", "--on", "soon", expect=3).stderr


def test_a_contract_as_a_program_reads_it(command: Command) -> None:
    """Parts, total, term."""
    facts = told(command("contracts", "show", "HT-1", "--on", "2026-10-01", "--json"))

    assert [part["item"] for part in facts["parts"]] == ["accelerator", "storage"]
    assert facts["total_incl_fen"] == 95_400_000
    assert facts["unrelated_declared"] is True
    assert "no contract" in command("contracts", "show", "HT-9", expect=3).stderr


def test_mistakes_of_every_file_are_told_and_nothing_is_taken(
    command: Command, files: Path
) -> None:
    """File, row and column of each, at once."""
    (files / "a.csv").write_text("x\n1\n", encoding="utf-8")
    (files / "b.xml").write_text("<x>", encoding="utf-8")

    done = command(
        "invoices", "import", str(files / "a.csv"), str(files / "b.xml"),
        str(files / "发票.xlsx"), "--officer", "clerk", expect=3,
    )  # fmt: skip

    assert "2 mistakes; nothing was taken" in done.stderr
    assert f"{files / 'a.csv'}:1: 没有工作表含有这些列" in done.stderr
    assert told(command("invoices", "list", "--json")) == []


@pytest.mark.parametrize(
    ("arguments", "expect", "message"),
    [
        (("invoices", "import", "gone.xlsx", "--officer", "clerk"), 4, "cannot be read"),
        (("payments", "import", "gone.toml", "--officer", "clerk"), 4, "cannot be read"),
        (("invoices", "import", "gone.xlsx", "--officer", "nobody"), 3, "no officer 'nobody'"),
        (("invoices", "show", BLUE.number), 3, "there is no invoice"),
        (("files", "get", "0" * 64, "out"), 3, "there is no file"),
        (("files", "list", "--subject", "HT-1"), 3, "is no subject; write KIND:NAME"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    command: Command, arguments: tuple[str, ...], expect: int, message: str
) -> None:
    """With the exit code of its kind."""
    assert message in command(*arguments, expect=expect).stderr


def test_a_backup_holds_the_files(command: Command, files: Path) -> None:
    """And a restored server gives them back, sound."""
    command(
        "files", "add", str(files / "合同.pdf"), "--subject", "contract:HT-1",
        "--owner", TENANT, "--officer", "clerk",
    )  # fmt: skip
    command("backup", str(files / "backup.tar"))
    restored = str(files / "restored")

    assert run("restore", str(files / "backup.tar"), "-d", restored).returncode == 0
    checked = run("fsck", "-d", restored)

    assert checked.returncode == 0, checked.stdout
    assert "合同.pdf" in run("files", "list", "-d", restored).stdout


def test_fsck_tells_a_file_that_is_gone(command: Command, files: Path, tmp_path: Path) -> None:
    """With its name and whose it is."""
    command(
        "files", "add", str(files / "合同.pdf"), "--subject", "contract:HT-1",
        "--owner", TENANT, "--officer", "clerk",
    )  # fmt: skip
    shutil.rmtree(tmp_path / "server" / "files")

    assert "合同.pdf" in command("fsck", expect=1).stdout
