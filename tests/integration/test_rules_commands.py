"""`rules` and `evaluate` as an officer runs them."""

import json
import shutil
from pathlib import Path

import pytest
from kashi_server.bootstrap import opened
from kashi_server.domain.budget import Act, Budget
from kashi_server.domain.evaluation.evaluate import STEPS
from kashi_server.domain.parameter_words import PARAMETER_WORDS
from kashi_server.domain.parameters import PARAMETERS
from kashi_server.services.export_rows import COLUMNS
from kashi_server.services.ledger import Ledger
from kashi_server.services.rulebook import PROGRAMMES
from server_commands import run

ROOT = Path(__file__).parents[2]
CASE = ROOT / "docs" / "cases" / "compute-voucher-bundled.toml"
VOUCHER = PROGRAMMES / "shenzhen-compute-voucher.toml"
RECORD = """\
programme_id = "shenzhen-compute-voucher"
base_version = "2024-12-18"
version = "2024-12-18+1"
in_force_from = 2026-11-25T00:00:00+08:00

[[decision]]
name = "tax_basis"
value = "incl"
officers = ["officer", "second"]
decided_on = 2026-11-20
reason = "合同与发票均以含税金额审查"
document = "会议纪要〔2026〕12号"
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh server with two officers."""
    where = tmp_path_factory.mktemp("template") / "server"
    _flag, first, _flag, second = _proofs(where.parent)
    init = ("init", "--demo", "--directory", str(where), "--password-file", first)
    assert run(*init).returncode == 0
    creating = ("account", "create", "second", "--role", "officer", "--password-file", second)
    made = run(
        *creating, "--officer", "officer", "--officer-password-file", first, "-d", str(where)
    )
    assert made.returncode == 0, made.stderr
    return where


def _proofs(where: Path) -> tuple[str, str, str, str]:
    """Both officers' passwords, in the order of the record, as options."""
    files = where / "first.password", where / "second.password"
    for file in files:
        file.write_text(f"correct horse {file.stem}\n", encoding="utf-8")
    return ("--password-file", str(files[0]), "--password-file", str(files[1]))


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> str:
    """A copy of it, for one test."""
    return str(shutil.copytree(template, tmp_path / "server"))


def test_a_claim_is_worked_out_without_a_database() -> None:
    """Every step is printed with its rule; the data is canonical."""
    printed = run("evaluate", "--rules", str(VOUCHER), "--case", str(CASE))
    data = run("evaluate", "--rules", str(VOUCHER), "--case", str(CASE), "--json")

    assert printed.returncode == 0, printed.stderr
    assert "估算 estimate: 218750.00 元" in printed.stdout
    assert "ratio.general = 0.50 (published: 深工信规〔2024〕13号" in printed.stdout
    found = json.loads(data.stdout)
    assert (found["status"], found["amount_yuan"], found["unknown"]) == (
        "estimate",
        "218750.00",
        ["base_period", "prorate", "tax_basis", "rounding.steps"],
    )
    assert not found["missing"]
    assert [step["step"] for step in found["steps"]][-1] == "pool"


EXAMPLES = {
    "compute-voucher-caps": "7644230.76",
    "compute-voucher-bundled": "218750.00",
    "prorated-fee": "25102.00",
    "model-voucher-principle": "1000000.00",
    "matching-award": "1000000.00",
    "innovation-hub": "50000000.00",
    "ranked-use-case": "6000000.00",
}
"""The worked examples A to G of the published rules, and what each comes to."""


def _rules_of(case: Path, folder: Path) -> Path:
    """The rules that an example names; of the first one with the pool shared out pro rata, which
    no text says: as if the office had settled it."""
    named = ROOT / case.read_text(encoding="utf-8").split("--rules ")[1].split()[0]
    if case.stem != "compute-voucher-caps":
        return named
    unknown = 'name = "pool.overflow"\nstate = "unknown"\n'
    text = named.read_text(encoding="utf-8")
    assert unknown in text
    settled = (
        'name = "pool.overflow"\nstate = "decided"\nvalue = "prorata"\n'
        'decision = { officers = ["officer", "second"], decided_on = 2026-05-01,'
        ' reason = "按比例", document = "会议纪要" }\n'
    )
    file = folder / "decided.toml"
    file.write_text(text.replace(unknown, settled, 1), encoding="utf-8")
    return file


@pytest.mark.parametrize("example", list(EXAMPLES))
def test_a_worked_example_comes_to_its_figure_by_command(tmp_path: Path, example: str) -> None:
    """Each stands among the published cases and comes out to the fen, by the rules it names."""
    case = ROOT / "docs" / "cases" / f"{example}.toml"
    rules = _rules_of(case, tmp_path)

    done = run("evaluate", "--rules", str(rules), "--case", str(case), "--json")

    assert {file.stem for file in case.parent.glob("*.toml")} == set(EXAMPLES)
    assert json.loads(done.stdout)["amount_yuan"] == EXAMPLES[example], done.stdout
    assert f"--case docs/cases/{example}.toml" in case.read_text(encoding="utf-8")


def test_a_decision_makes_the_estimate_final(directory: str, tmp_path: Path) -> None:
    """Two officers settle the tax basis: a new version stands beside the old one."""
    record = tmp_path / "record.toml"
    record.write_text(RECORD, encoding="utf-8")

    tried = run("rules", "decide", str(record), "-d", directory, "--dry-run", "--json")
    before = run("rules", "show", "shenzhen-compute-voucher", "-d", directory, "--json")
    deciding = ("rules", "decide", str(record), "-d", directory, *_proofs(tmp_path), "--json")
    decided = run(*deciding)
    twice = run(*deciding)
    after = run("rules", "show", "shenzhen-compute-voucher", "-d", directory, "--json")

    assert tried.stdout == decided.stdout == twice.stdout
    assert len(before.stdout.splitlines()) == 1
    assert after.stdout.splitlines()[1] + "\n" == decided.stdout
    assert run("fsck", "-d", directory).returncode == 0


def test_officers_prove_that_they_decided(directory: str, tmp_path: Path) -> None:
    """A record names two logins and is nobody's word: each gives the own password, or it settles
    nothing."""
    record = tmp_path / "record.toml"
    record.write_text(RECORD, encoding="utf-8")
    first, second = _proofs(tmp_path)[:2], _proofs(tmp_path)[2:]
    deciding = ("rules", "decide", str(record), "-d", directory)

    one_of_them = run(*deciding, *first, *first)
    the_other = run(*deciding, *second, *second)
    alone = run(*deciding, *first)
    after = run("rules", "show", "shenzhen-compute-voucher", "-d", directory, "--json")

    assert [done.returncode for done in (one_of_them, the_other, alone)] == [3, 3, 3]
    assert "the password of second is wrong" in one_of_them.stderr
    assert "the password of officer is wrong" in the_other.stderr
    assert "once for each --officer" in alone.stderr
    assert len(after.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"second"', '"nobody"', "'nobody' is no officer here"),
        ('"2024-12-18"', '"2023"', "there are no rules shenzhen-compute-voucher 2023"),
        ('"tax_basis"\nvalue = "incl"', '"ratio.general"\nvalue = "0.6"', "is published"),
        ('"incl"', '"maybe"', "one of incl, excl"),
        ("2026-11-20", "2999-01-01", "is said to be decided on 2999-01-01, and today is"),
    ],
)
def test_a_record_that_does_not_hold_settles_nothing(
    directory: str, tmp_path: Path, old: str, new: str, told: str
) -> None:
    """A sentence, an exit code, and no version more."""
    record = tmp_path / "record.toml"
    record.write_text(RECORD.replace(old, new, 1), encoding="utf-8")

    done = run("rules", "decide", str(record), *_proofs(tmp_path), "-d", directory)
    after = run("rules", "show", "shenzhen-compute-voucher", "-d", directory, "--json")

    assert (done.returncode, told in done.stderr) == (3, True), done.stderr
    assert len(after.stdout.splitlines()) == 1


ENDING = (
    RECORD.split("[[decision]]")[0].replace("+1", "-ended")
    + """\
[ending]
in_force_until = 2026-12-01T00:00:00+08:00
officers = ["officer", "second"]
decided_on = 2026-11-20
reason = "措施提前废止"
document = "废止通知〔2026〕3号"
"""
)


@pytest.mark.parametrize(
    ("day", "told"), [("11-26", "2024-12-18-ended is in force"), ("12-02", "none is in force")]
)
def test_a_record_does_not_take_back_what_an_earlier_one_ended(
    directory: str, tmp_path: Path, day: str, told: str
) -> None:
    """Rules that two officers ended do not come back by a record that builds on the version before,
    neither while they still hold nor after; built on what holds, a decision keeps their end."""
    records = {
        "ending": ENDING,
        "past": RECORD.replace("2026-11-25", f"2026-{day}"),
        "on it": RECORD.replace("2026-11-25", "2026-11-26").replace(
            'version = "2024-12-18"', 'version = "2024-12-18-ended"', 1
        ),
    }
    done = {}
    for name, text in records.items():
        record = tmp_path / f"{name}.toml"
        record.write_text(text, encoding="utf-8")
        deciding = ("rules", "decide", str(record), "-d", directory, "--json")
        done[name] = run(*deciding, *_proofs(tmp_path))
    again = run("rules", "decide", str(tmp_path / "ending.toml"), "-d", directory, "--dry-run")

    assert (done["past"].returncode, told in done["past"].stderr) == (3, True), done["past"].stderr
    assert [done[name].returncode for name in ("ending", "on it")] == [0, 0], done
    kept = json.loads(done["on it"].stdout)
    assert kept["in_force"]["end"] == "2026-12-01T00:00:00+08:00"
    assert kept["ended"]["document"] == "废止通知〔2026〕3号"
    assert again.returncode == 0, again.stderr


def test_rules_are_shown_in_both_languages(directory: str) -> None:
    """Name, states and what each parameter is stand there in Chinese and in English."""
    shown = " ".join(
        run("rules", "show", "shenzhen-compute-voucher", "-d", directory).stdout.split()
    )

    for said in (
        "深圳市训力券",
        "Shenzhen training-compute voucher",
        "已公布",
        "unknown",
        "施行期间",
    ):
        assert said in shown


def test_two_versions_are_told_apart(tmp_path: Path) -> None:
    """What differs, parameter by parameter."""
    other = tmp_path / "other.toml"
    text = VOUCHER.read_text(encoding="utf-8")
    other.write_text(text.replace('"10000000.00"', '"20000000.00"'), encoding="utf-8")

    found = json.loads(run("rules", "diff", str(VOUCHER), str(other), "--json").stdout)

    assert [one["name"] for one in found] == ["cap.company_year_yuan"]
    assert "20000000.00" in run("rules", "diff", str(VOUCHER), str(other)).stdout


def test_the_ledger_is_shown_and_proved(directory: str) -> None:
    """An empty ledger is sound and says so; what moved is listed with who and why."""
    empty = run("ledger", "movements", "-d", directory)
    assert (empty.returncode, empty.stdout) == (
        0,
        "台账尚无分录。Nothing has moved on the ledger yet.\n",
    )
    assert run("ledger", "movements", "--json", "-d", directory).stdout == ""
    with opened(Path(directory)) as server:
        budget = Budget(programme_id="p", year=2026)
        act = Act(key="appropriation/1", officer="officer, second", reason="预算文件〔2026〕1号")
        Ledger(server.work, server.clock).post(budget.appropriate(act, 500_000_00))

    shown = run("ledger", "show", "pool:", "-d", directory)
    moved = run("ledger", "movements", "-d", directory)
    checked = run("ledger", "check", "-d", directory)

    assert "500000.00 元" in shown.stdout
    assert "预算文件〔2026〕1号" in moved.stdout
    assert (checked.returncode, "The ledger is sound." in checked.stdout) == (0, True)
    assert json.loads(run("ledger", "show", "--json", "-d", directory).stdout)[1] == {
        "account": "pool:p/2026",
        "unit": "fen",
        "amount": 50_000_000,
    }


@pytest.mark.parametrize("table", list(COLUMNS))
def test_every_table_is_exported_in_every_format(
    directory: str, tmp_path: Path, table: str
) -> None:
    """On a fresh server each is empty and has its columns."""
    for suffix in (".csv", ".xlsx", ".json"):
        file = tmp_path / f"{table}{suffix}"
        done = run("export", table, str(file), "--month", "2026-10", "-d", directory)
        assert (done.returncode, done.stdout) == (0, f"{file}: 0 行 rows\n"), done.stderr
    head = (tmp_path / f"{table}.csv").read_text(encoding="utf-8-sig").strip()
    assert tuple(head.split(",")) == COLUMNS[table]
    exports = (ROOT / "docs" / "exports.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in exports for name in COLUMNS[table])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["prices", "x.csv"], "there is no table 'prices'"),
        (["lines", "x.pdf"], "must end in .csv, .json, .xlsx"),
        (["usage", "x.csv"], "add --month"),
        (["lines", "/nowhere/x.csv"], "cannot be written"),
    ],
)
def test_an_export_that_cannot_be_is_a_sentence(
    directory: str, arguments: list[str], told: str
) -> None:
    """What is wrong, and what there is instead."""
    done = run("export", *arguments, "-d", directory)

    assert (done.returncode, told in done.stderr) == (4, True), (done.returncode, done.stderr)


def test_every_shipped_programme_is_listed() -> None:
    """As many as there are files."""
    listed = json.loads(run("rules", "list", "--json").stdout)

    assert len(listed) == len(list(PROGRAMMES.glob("*.toml")))
    assert {one["programme_id"] for one in listed} == {p.stem for p in PROGRAMMES.glob("*.toml")}
    assert "深圳市训力券" in run("rules", "list").stdout


def test_rules_and_evaluation_documents_name_everything() -> None:
    """docs/rules.md has every parameter as it is, docs/evaluation.md every step."""
    rules = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    steps = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert set(PARAMETER_WORDS) == set(PARAMETERS)
    for name, spec in PARAMETERS.items():
        words = PARAMETER_WORDS[name]
        (row,) = (line for line in rules.splitlines() if line.startswith(f"| `{name}` | "))
        assert row.startswith(f"| `{name}` | {spec.kind}")
        end = f" | {spec.decides} | {words.zh} | {', '.join(words.steps)} | {words.unknown} |"
        assert row.endswith(end)
    for number, (name, _function) in enumerate(STEPS, 1):
        assert any(
            line.startswith(f"| {number} |") and f" {name} |" in line for line in steps.splitlines()
        ), name
