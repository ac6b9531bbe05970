"""Claims on the command line, as a finance clerk and two officers use it."""

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from agreement_texts import contract_text, two_parties
from changed_agreements import amendment
from claim_cases import rules_text
from expense_cases import PROVIDER, TENANT
from openpyxl import Workbook, load_workbook
from server_commands import Done, run

INVOICE = "26442000000000000001"
ALWAYS = '["2020-01-01/2199-12-31"]'
BOTH = ("--officer", "first", "--second", "second")
PAPER = ("--reason", "按规定办理", "--document", "会议纪要〔2026〕1号")
AGREEMENTS = f"""\
{two_parties("南山区")}{contract_text().rstrip()}
unrelated_declared = true

[[contract_part]]
contract = "HT-1"
item = "accelerator"
ex_tax_yuan = "900.00"
tax_yuan = "54.00"
domestic = false

[[contract_part]]
contract = "HT-1"
item = "storage"
ex_tax_yuan = "100.00"
tax_yuan = "6.00"
domestic = false
"""
MAPPING = """\
[[line]]
contract = "HT-1"
contains = "算力"
part = "accelerator"
[[line]]
contract = "HT-1"
contains = "存储"
part = "storage"
"""
FORM = """\
contracts = ["HT-1"]
from = 2026-09-01
until = 2026-12-31
other_money = []

[declared]
kind = "企业"
legal_person = true
listed_provider = false
purpose = "training"
project = "示例大模型训练"
"""


@dataclass(slots=True)
class Desk:
    """A server's directory, the files on the desk, and the commands typed there."""

    directory: str
    folder: Path
    typed: list[Sequence[str]] = field(default_factory=list)

    def run(self, *arguments: str, expect: int = 0) -> Done:
        """Type a command; whoever it names proves it by the own password."""
        self.typed.append(arguments)
        done = run(*arguments, *self.proofs(arguments), "-d", self.directory)
        assert done.returncode == expect, (arguments, done.stdout, done.stderr)
        return done

    def proofs(self, arguments: Sequence[str]) -> Sequence[str]:
        """The password files of everybody a command names, in order, where it asks for them."""
        asks = arguments[0] in ("claim", "batch", "import", "invoices", "payments")
        asks = asks or "appropriate" in arguments
        if not asks or "--password-file" in arguments:
            return ()
        named = [
            arguments[place + 1]
            for place, one in enumerate(arguments)
            if one in ("--officer", "--second", "--by")
        ]
        return [one for login in named for one in ("--password-file", self.password(login))]

    def password(self, login: str) -> str:
        """The file of somebody's own password."""
        return self.file(f"{login}.password", f"correct horse of {login}")

    def data(self, *arguments: str) -> dict[str, object]:
        """Type a command that prints one object."""
        said: dict[str, object] = json.loads(self.run(*arguments, "--json").stdout)
        return said

    def file(self, name: str, text: str = "") -> str:
        """A file on the desk."""
        path = self.folder / name
        if text:
            path.write_text(text, encoding="utf-8")
        return str(path)


def sheet(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """An XLSX file."""
    book = Workbook()
    active = book.active
    assert active is not None
    for row in rows:
        active.append(list(row))
    book.save(path)
    book.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server on which the office has done its part, made once: a month is closed and certified,
    a batch is open, its pool is filled, accounts are made."""
    folder = tmp_path_factory.mktemp("office")
    desk = Desk(str(folder / "server"), folder)
    init = ("init", "--demo", "--officer", "first", "--password-file", desk.password("first"))
    done = run(*init, "--directory", desk.directory)
    assert done.returncode == 0, done.stderr
    for login, role in (("second", "officer"), ("clerk", "company")):
        party = ("--party", TENANT) if role == "company" else ()
        own = ("--password-file", desk.password(login))
        acting = ("--officer", "first", "--officer-password-file", desk.password("first"))
        desk.run("account", "create", login, "--role", role, *party, *own, *acting)
    desk.run("import", desk.file("agreements.toml", AGREEMENTS), "--officer", "first")
    desk.run("close", "2026-10")
    desk.run("certify", "2026-10")
    known = rules_text(application_windows=ALWAYS, publicity_days='"none"')
    desk.run(
        *("batch", "open", "SQ-1", "--programme", "test-voucher", "--officer", "first"),
        *("--second", "second"),
        *("--rules", desk.file("rules.toml", known), "--from", "2020-01-01"),
        *("--until", "2199-12-31", "--year", "2026", "--document", "深科创〔2026〕1号"),
    )
    desk.run("ledger", "appropriate", "test-voucher", "2026", "10000.00", *BOTH, *PAPER)
    return Path(desk.directory)


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Desk:
    """A copy of it with the tax bureau's and the bank's files on the desk."""
    invoices(tmp_path, "invoices.xlsx", "正常")
    sheet(
        tmp_path / "payments.xlsx",
        [
            (
                "流水号",
                "付款方识别号",
                "收款方识别号",
                "付款日期",
                "付款金额",
                "发票号码",
                "核销金额",
            ),
            ("PAY-1", TENANT, PROVIDER, "2026-10-20", "530.00", INVOICE, "530.00"),
        ],
    )
    directory = shutil.copytree(template, tmp_path / "server")
    return Desk(str(directory), tmp_path)


def invoices(folder: Path, name: str, status: str) -> None:
    """The tax bureau's export: one invoice of two lines."""
    head = (
        *("数电发票号码", "销方识别号", "销方名称", "购方识别号", "购买方名称"),
        *("开票日期", "货物或应税劳务名称", "金额", "税额", "价税合计", "发票状态"),
    )
    lines = (
        ("算力租用", "450.00", "27.00", "477.00"),
        ("存储", "50.00", "3.00", "53.00"),
    )
    both = (INVOICE, PROVIDER, "示例算力服务", TENANT, "示例智能科技", "2026-10-08 10:00:00")
    sheet(folder / name, [head, *((*both, *line, status) for line in lines)])


def filed(desk: Desk) -> str:
    """From the tax bureau's files to a submitted claim; its id."""
    mapping = desk.file("mapping.toml", MAPPING)
    desk.run(
        *("invoices", "import", desk.file("invoices.xlsx"), "--officer", "first"),
        *("--mapping", mapping),
    )
    desk.run("payments", "import", desk.file("payments.xlsx"), "--officer", "first")
    form = desk.file("form.toml", FORM)
    drafted = desk.data("claim", "draft", "SQ-1", "--by", "clerk", "--form", form)
    claim_id = str(drafted["claim_id"])
    desk.run("claim", "submit", claim_id, "--by", "clerk")
    return claim_id


def test_from_the_tax_bureaus_files_to_a_pack_in_under_ten_commands(desk: Desk) -> None:
    """Five commands; the pack holds what its manifest says, byte for byte, twice the same."""
    claim_id = filed(desk)
    desk.run("claim", "pack", claim_id, desk.file("pack.zip"))
    assert len(desk.typed) < 10, desk.typed

    content = Path(desk.file("pack.zip")).read_bytes()
    kept = desk.run("claim", "pack", claim_id, desk.file("pack.zip"), expect=3)
    assert "overwrites nothing" in kept.stderr
    desk.run("claim", "pack", claim_id, desk.file("again.zip"))
    assert Path(desk.file("again.zip")).read_bytes() == content
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    assert manifest["claim_id"] == claim_id
    assert {one["path"]: one["sha256"] for one in manifest["files"]} == {
        name: sha256(held).hexdigest() for name, held in files.items()
    }
    assert files["claim.pdf"].startswith(b"%PDF-")
    said = json.loads(files["claim.json"])
    assert (said["state"], said["computed_fen"]) == ("submitted", 238_50)
    invoices = list(csv.DictReader(io.StringIO(files["tables/invoices.csv"].decode("utf-8-sig"))))
    assert [one["claimed_yuan"] for one in invoices] == ["477.00", "53.00"]
    assert any(name.startswith("certificates/") and name.endswith(".pdf") for name in files)
    assert "test-voucher 1" in files["evaluations/001-trace.txt"].decode()


def test_a_draft_and_a_submission_tell_what_bound_them_and_what_is_missing(desk: Desk) -> None:
    """Nothing that comes to an amount comes without its reason; a draft is tried as it stands."""
    opened = ("--from", "2026-10-01", "--until", "2026-10-31")
    drafted = desk.data("claim", "draft", "SQ-1", "--by", "clerk", "--contract", "HT-1", *opened)
    claim_id = str(drafted["claim_id"])
    shown = desk.run("claim", "show", claim_id, "--trace").stdout
    told = desk.run("claim", "submit", claim_id, "--by", "clerk").stdout

    assert "如现在提交 if it were handed in now" in shown
    assert " 1 gate" in shown
    for text in (shown, told):
        joined = "".join(text.split())
        assert "决定环节boundby" in joined
        assert "缺少事实missing:" in joined
        assert "claimant.kind" in joined


def test_a_draft_names_the_invoices_that_its_period_leaves_out(desk: Desk) -> None:
    """How many, which, and what to type; nothing is left out in silence."""
    importing = ("invoices", "import", desk.file("invoices.xlsx"), "--officer", "first")
    desk.run(*importing, "--mapping", desk.file("mapping.toml", MAPPING))
    period = ("--contract", "HT-1", "--from", "2026-09-01", "--until", "2026-09-30")
    drafting = ("claim", "draft", "SQ-1", "--by", "clerk", *period, "--no-other-money")
    told = desk.run(*drafting).stdout
    named = desk.data(*drafting)["invoices_outside_period"]

    assert "2 项发票" in told
    assert f"2026-10-08  {INVOICE}:HT-1:accelerator:477.00" in told
    assert "kashi-server claim add SQ-1-0001 --invoice" in told
    assert isinstance(named, list)
    assert [one["number"] for one in named] == [INVOICE, INVOICE]


def test_the_office_takes_it_from_there(desk: Desk) -> None:
    """Check to payment; the ledger, fsck and every table agree."""
    claim_id = filed(desk)
    one = ("--officer", "first")
    desk.run("claim", "check", claim_id, *one)
    desk.run("claim", "review", claim_id, *one, "--reason", "材料齐全")
    waits = desk.run("claim", "approve", claim_id, *one, "--amount", "200.00", *PAPER)
    assert "waits for a second officer" in waits.stdout
    other = ("--officer", "second")
    desk.run("claim", "approve", claim_id, *other, "--amount", "200.00", *PAPER)
    desk.run("claim", "publicise", claim_id, *one)
    desk.run("claim", "issue", claim_id, *one)
    voucher = desk.data("voucher", "show", f"V-{claim_id}")
    desk.run("claim", "use", claim_id, "--by", "clerk")
    desk.run("claim", "redeem", claim_id, "--by", "clerk")
    desk.run("claim", "verify", claim_id, *one, "--reason", "核验无误")
    told = desk.run("claim", "pay", claim_id, *BOTH, *PAPER).stdout
    (paid,) = json.loads(desk.run("claim", "list", "--json").stdout)
    shown = desk.run("claim", "show", claim_id, "--trace")
    listed = [desk.run(what, "list").stdout for what in ("claim", "voucher", "batch")]

    assert ["…" in one for one in listed] == [False] * 3  # folded, never cut
    assert "开放 open" in listed[2]
    assert (voucher["face_fen"], voucher["balance_fen"]) == (200_00, 200_00)
    assert (paid["state"], paid["paid_fen"]) == ("paid", 200_00)
    assert "已拨付 paid 200.00 元" in told
    assert "已拨付 paid" in shown.stdout
    assert "The ledger is sound." in desk.run("ledger", "check").stdout
    assert desk.run("fsck").returncode == 0
    assert [one["claim_id"] for one in json.loads(desk.run("claim", "list", "--json").stdout)] == [
        claim_id
    ]


def test_rules_are_tried_on_claims_as_on_statements(desk: Desk) -> None:
    """Of 477 yuan 50 % as it stands, 40 % under the rules that are tried: told, as data, as a
    table; and a file of no format is refused."""
    claim_id = filed(desk)
    lower = rules_text(application_windows=ALWAYS, publicity_days='"none"', ratio__general='"0.40"')
    trying = ("simulate", "--rules", desk.file("lower.toml", lower), "--period", "2026-01..2026-12")
    table = desk.file("claims.csv")
    told = " ".join(desk.run(*trying, "--table", table).stdout.split())
    data = desk.data(*trying)["claims"]
    desk.run(*trying, "--table", desk.file("claims.pdf"), expect=4)

    assert f"{claim_id} 已提交 submitted 238.50 → 190.80" in told
    assert "差额 difference -47.70" in told
    assert "申报预算 budget of claims" in told
    assert isinstance(data, dict)
    (company,) = data["companies"]
    assert (company["old"]["computed_fen"], company["new"]["computed_fen"]) == (238_50, 190_80)
    assert company["claims"][0]["new"]["status"] == "final"
    (row,) = csv.DictReader(io.StringIO(Path(table).read_bytes().decode("utf-8-sig")))
    assert (row["claim"], row["old_yuan"], row["new_yuan"]) == (claim_id, "238.50", "190.80")
    assert not Path(desk.file("claims.pdf")).exists()


MONEY = ("--amount", "200.00")
ACTS = {
    "draft": ("SQ-1", "--contract", "HT-1", "--from", "2026-09-01", "--until", "2026-12-31"),
    **dict.fromkeys(("add", "submit", "use", "redeem"), ()),
    "withdraw": ("--reason", "不申报了"),
    **dict.fromkeys(("check", "publicise", "issue"), ()),
    **dict.fromkeys(
        ("return", "assess", "review", "verify", "reject", "suspend", "reopen"),
        ("--reason", "按规定办理"),
    ),
    **dict.fromkeys(("approve", "claw-back"), (*MONEY, *PAPER)),
    **dict.fromkeys(("pay", "charge-interest"), PAPER),
    "resume": ("--reason", "按规定办理"),
}
"""Every step of a claim that somebody takes, as it is typed."""
COMPANYS = ("draft", "add", "submit", "withdraw", "use", "redeem")
OF_TWO = ("approve", "pay", "claw-back", "charge-interest", "resume")


def test_no_login_acts_on_a_claim_without_its_own_password(desk: Desk) -> None:
    """Whoever sits at the console is neither an officer, nor the second one, nor the company: each
    proves it, and who proves only one of two officers takes no step."""
    claim_id = filed(desk)
    before = desk.run("claim", "show", claim_id, "--json").stdout
    first, second, clerk = (desk.password(one) for one in ("first", "second", "clerk"))
    for act, given in ACTS.items():
        named = () if act == "draft" else (claim_id,)
        tries: list[tuple[Sequence[str], Sequence[str], str]]
        if act in COMPANYS:
            tries = [(("--by", "clerk"), (first,), "clerk")]
        elif act in OF_TWO:
            tries = [(BOTH, (first, first), "second"), (BOTH, (second, second), "first")]
        else:
            tries = [(("--officer", "second"), (first,), "second")]
        for by, files, wronged in tries:
            proofs = [one for file in files for one in ("--password-file", file)]
            done = desk.run("claim", act, *named, *given, *by, *proofs, expect=3)
            assert f"the password of {wronged} is wrong" in done.stderr, act
    short = desk.run("claim", "pay", claim_id, *BOTH, *PAPER, "--password-file", first, expect=3)
    taken = desk.run("claim", "list", "--json").stdout

    assert "once for each --officer" in short.stderr
    assert desk.run("claim", "show", claim_id, "--json").stdout == before
    assert [one["claim_id"] for one in json.loads(taken)] == [claim_id]
    assert clerk not in (first, second)


def test_no_login_opens_a_batch_or_fills_a_pool_without_its_own_password(desk: Desk) -> None:
    """A round is one officer's, money in a pool two officers'; each proves it."""
    wrong = ("--password-file", desk.password("clerk"))
    own = ("--password-file", desk.password("first"))
    opening = (
        *("batch", "open", "SQ-2", "--programme", "test-voucher", "--from", "2026-01-01"),
        *("--until", "2026-12-31", "--document", "深科创〔2026〕2号", "--officer", "first"),
    )
    closing = ("batch", "close", "SQ-1", "--officer", "first", "--reason", "期满")
    filling = (
        *("ledger", "appropriate", "test-voucher", "2026", "1.00", *BOTH),
        *("--reason", "追加", "--document", "会议纪要〔2026〕2号"),
    )
    pools = desk.run("ledger", "show", "pool:", "--json").stdout

    refused = [desk.run(*one, *wrong, expect=3) for one in (opening, closing)]
    refused.append(desk.run(*filling, *own, *wrong, expect=3))

    assert ["is wrong" in one.stderr for one in refused] == [True] * 3
    assert desk.run("ledger", "show", "pool:", "--json").stdout == pools
    assert [one["status"] for one in json.loads(desk.run("batch", "list", "--json").stdout)] == [
        "open"
    ]


def test_a_file_of_rules_is_no_officers_decision(desk: Desk) -> None:
    """A round is not opened under a file that says two officers decided something: they say so
    themselves, each with the own password, by `rules decide`."""
    known = rules_text("other-voucher", publicity_days='"none"', application_windows=ALWAYS)
    published = 'state = "published"\nvalue = "none"\nsource = "a text"\n'
    decided = (
        'state = "decided"\nvalue = "none"\n[parameter.decision]\nofficers = ["first", "second"]\n'
        'decided_on = 2026-01-05\nreason = "minutes"\ndocument = "minutes 3/2026"\n'
    )
    head, name, rest = known.partition('name = "publicity_days"\n')
    file = desk.file("decided.toml", head + name + rest.replace(published, decided, 1))
    opening = (
        *("batch", "open", "SQ-3", "--programme", "other-voucher", "--officer", "first"),
        *("--from", "2026-01-01", "--until", "2026-12-31", "--document", "深科创〔2026〕3号"),
    )

    refused = desk.run(*opening, "--rules", file, expect=3)
    shown = desk.run("rules", "show", "other-voucher", expect=3)
    done = desk.run(*opening, "--second", "second", "--rules", desk.file("published.toml", known))

    assert "say of publicity_days that two officers decided" in refused.stderr
    assert "there are no rules of 'other-voucher'" in shown.stderr
    assert "SQ-3" in done.stdout


def test_a_new_text_of_rules_takes_two_officers_and_a_known_one_takes_one(desk: Desk) -> None:
    """Nobody brings in alone what public money is paid by, nor with oneself as the second."""
    file = desk.file("new.toml", rules_text("new-voucher", application_windows=ALWAYS))
    days = ("--from", "2026-01-01", "--until", "2026-12-31", "--document", "深科创〔2026〕4号")
    opening = ("--programme", "new-voucher", "--officer", "first", *days)

    alone = desk.run("batch", "open", "SQ-4", *opening, "--rules", file, expect=3)
    self_second = ("--second", "first", "--rules", file)
    twice = desk.run("batch", "open", "SQ-4", *opening, *self_second, expect=3)
    desk.run("rules", "show", "new-voucher", expect=3)
    desk.run("batch", "open", "SQ-4", *opening, "--second", "second", "--rules", file)
    desk.run("batch", "open", "SQ-5", *opening, "--rules", file)

    assert "neither registered nor shipped" in alone.stderr
    assert "须由两名经办人" in alone.stderr
    assert "two different officers" in twice.stderr


def test_a_batch_outside_the_rules_windows_is_refused_and_one_partly_outside_warned_of(
    desk: Desk,
) -> None:
    """Every claim in it would fail: nothing is opened, and both windows are named."""
    known = rules_text("late-voucher", application_windows='["2026-05-06/2026-06-05"]')
    opening = (
        *("--programme", "late-voucher", "--officer", "first", "--second", "second"),
        *("--rules", desk.file("late.toml", known), "--document", "深科创〔2026〕5号"),
    )
    outside = ("--from", "2026-11-01", "--until", "2026-11-30")
    refused = desk.run("batch", "open", "SQ-6", *opening, *outside, expect=3)
    partly = ("--from", "2026-06-01", "--until", "2026-06-30")
    done = desk.run("batch", "open", "SQ-6", *opening, *partly)

    assert "2026-05-06 – 2026-06-05" in refused.stderr
    assert "every claim in it would fail" in refused.stderr
    assert "注意 warning" in done.stdout


def test_a_void_invoice_reopens_the_claim_that_names_it(desk: Desk) -> None:
    """The next export of the tax bureau says so; the claim is looked at again, with its reason."""
    claim_id = filed(desk)
    desk.run("claim", "check", claim_id, "--officer", "first")
    desk.run("claim", "review", claim_id, "--officer", "first", "--reason", "材料齐全")
    desk.run("claim", "approve", claim_id, *BOTH, "--amount", "200.00", *PAPER)
    invoices(desk.folder, "later.xlsx", "已作废")
    desk.run(
        *("invoices", "import", desk.file("later.xlsx"), "--officer", "first"),
        *("--mapping", desk.file("mapping.toml")),
    )
    (claim,) = json.loads(desk.run("claim", "list", "--json").stdout)
    shown = desk.run("claim", "show", claim_id)

    assert (claim["state"], claim["approved_fen"]) == ("form_check", 0)
    assert f"invoice {INVOICE} is void" in shown.stdout.replace("\n", " ").replace("  ", " ")
    assert "The ledger is sound." in desk.run("ledger", "check").stdout


def test_an_amendment_that_is_imported_is_told_where_a_claim_is_shown(desk: Desk) -> None:
    """What changed, who brought it, and what the claim came to that day; nothing is to be recovered
    of what nobody paid."""
    claim_id = filed(desk)
    text = amendment("HT-1").replace("2026-11-02", "2026-10-02")
    desk.run("import", desk.file("amended.toml", text), "--officer", "first")
    shown = desk.run("claim", "show", claim_id).stdout.replace("\n", " ")
    told = json.loads(desk.run("claim", "show", claim_id, "--json").stdout)

    assert "须重新核实 worth is to be asked again" in shown
    assert "补充协议 补-1" in shown
    assert "came to on that day 50.00 元" in shown
    assert [one["comes_to_fen"] for one in told["flags"]] == [50_00]
    assert json.loads(desk.run("claim", "list", "--to-recover", "--json").stdout) == []
    assert desk.run("fsck").returncode == 0


TABLES = {
    "intake": ("序号", "受理编号", "申报单位", "统一社会信用代码", "所属区", "项目名称", "服务合同",
               "服务机构", "申报日期", "测算金额（元）", "状态"),
    "form_check": ("序号", "受理编号", "申报单位", "服务合同", "服务项目", "算力使用证明", "发票",
                   "测算状态", "补正次数", "补正意见", "审查结论", "审查人"),
    "publicity": ("序号", "单位名称", "项目名称", "拟支持金额（元）", "公示起始日", "公示天数"),
    "funding": ("序号", "受理编号", "单位名称", "收款单位", "收款单位代码", "核定金额（元）",
                "待拨付金额（元）", "已拨付金额（元）", "核定文件", "拨付文件"),
}  # fmt: skip


def test_a_batch_is_published_in_the_offices_own_columns(desk: Desk) -> None:
    """Four tables by default; another order and other headings from the office's file."""
    claim_id = filed(desk)
    one = ("--officer", "first")
    desk.run("claim", "check", claim_id, *one)
    desk.run("claim", "review", claim_id, *one, "--reason", "材料齐全")
    desk.run("claim", "approve", claim_id, *BOTH, "--amount", "200.00", *PAPER)
    desk.run("claim", "publicise", claim_id, *one)
    for table, headings in TABLES.items():
        desk.run("batch", "export", "SQ-1", table, desk.file(f"{table}.csv"))
        text = Path(desk.file(f"{table}.csv")).read_text(encoding="utf-8-sig")
        rows = list(csv.reader(io.StringIO(text)))
        assert tuple(rows[0]) == headings
        assert len(rows) == 2, rows
    columns = (
        "[[publicity.column]]\nfield = 'approved_yuan'\nheading = '金额'\n"
        "[[publicity.column]]\nfield = 'company'\nheading = '企业'\n"
    )
    desk.run(
        *("batch", "export", "SQ-1", "publicity", desk.file("own.xlsx")),
        *("--columns", desk.file("columns.toml", columns)),
    )
    book = load_workbook(desk.file("own.xlsx"))
    sheets = [[cell.value for cell in row] for row in book["publicity"].iter_rows()]
    book.close()

    assert sheets == [["金额", "企业"], ["200.00", "示例智能科技"]]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("claim", "show", "SQ-9-0001"), 3, "there is no claim 'SQ-9-0001'"),
        (("voucher", "show", "V-1"), 3, "there is no voucher 'V-1'"),
        (("batch", "export", "SQ-9", "intake", "x.csv"), 3, "there is no batch 'SQ-9'"),
        (("batch", "export", "SQ-1", "prices", "x.csv"), 4, "there is no table 'prices'"),
        (("batch", "export", "SQ-1", "intake", "x.pdf"), 4, "must end in"),
        (("claim", "draft", "SQ-1", "--by", "clerk"), 3, "give --form FILE, or --contract"),
        (
            ("claim", "draft", "SQ-1", "--by", "first", "--contract", "HT-1", "--from",
             "2026-09-01", "--until", "2026-09-30"),
            3,
            "is no company's account",
        ),
        (
            ("ledger", "appropriate", "test-voucher", "2026", "1000000.00", *BOTH, "--reason", "x",
             "--document", "another"),
            3,
            "by the rules the year's pool is 1000000.00 yuan",
        ),
        (
            ("ledger", "appropriate", "test-voucher", "2026", "1.00", "--officer", "first",
             "--second", "first", *PAPER),
            3,
            "two different officers",
        ),
    ],
)  # fmt: skip
def test_a_refusal_is_a_sentence(
    desk: Desk, arguments: Sequence[str], code: int, told: str
) -> None:
    """An exit code, no traceback, and nothing done."""
    done = desk.run(*arguments, expect=code)

    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_document_appropriates_once(desk: Desk) -> None:
    """The same paper again books nothing more."""
    again = desk.run("ledger", "appropriate", "test-voucher", "2026", "10000.00", *BOTH, *PAPER)

    assert "booked before" in again.stdout
    balances = json.loads(desk.run("ledger", "show", "pool:", "--json").stdout)
    assert balances[0]["amount"] == 10_000_00
