"""The tables of a claim's steps: what the documentation says, and what rules make of them."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from kashi_server.domain.batch import Batch
from kashi_server.domain.claim import Amounts
from kashi_server.domain.claim_content import ClaimContent, InvoicePart, content_of
from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.claim_names import MODES_ZH, STATES_ZH, STEPS_ZH
from kashi_server.domain.claim_recovery import PaidOn, interest_fen
from kashi_server.domain.claim_states import (
    ClaimState,
    Mode,
    Review,
    Step,
    mode_of,
    review_of,
    transition,
    transitions,
)
from kashi_server.domain.positioned import MistakesFound
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.rules_data import load_rules
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.claim_form import load_claim_form
from kashi_server.services.claim_words import MODES, STATES, STEPS, WHO
from kashi_server.services.office_tables import (
    DEFAULT_COLUMNS,
    FIELDS,
    TABLES,
    read_columns,
)

ROOT = Path(__file__).parents[3]
CLAIMS = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")


def rules(**parameters: str) -> RulesVersion:
    """Rules with these parameters alone."""
    listed = "".join(
        f'[[parameter]]\nname = "{name.replace("__", ".")}"\nstate = "published"\n'
        f'value = {value}\nsource = "a text"\n'
        for name, value in parameters.items()
    )
    head = (
        'programme_id = "p"\nversion = "1"\nname_zh = "甲"\nname_en = "A"\ndocument = "a"\n'
        "in_force_from = 2026-01-01T00:00:00+08:00\n"
    )
    return load_rules(head + listed, "rules.toml")


@pytest.mark.parametrize("letter", "ABCD")
def test_the_documentation_has_every_step(letter: str) -> None:
    """Row by row: mode, from, to, who, needs; and no row that the code does not know."""
    mode = dict(zip("ABCD", Mode, strict=True))[letter]
    said = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in CLAIMS.splitlines()
        if line.startswith("| `") and line.count("|") == 7
    ]
    documented = {
        (row[0].strip("`"), row[2], row[3], row[4], row[5]) for row in said if letter in row[1]
    }
    known = {
        (
            one.step.value,
            ", ".join(one.sources),
            "by amounts" if one.target is None else one.target.value,
            one.who.value,
            "; ".join(one.needs) or "—",
        )
        for one in transitions(mode, Review())
    }

    assert documented == known


def test_every_word_has_its_translation() -> None:
    """States, modes, steps and actors are told in both languages; fields are documented."""
    assert set(STATES) == set(ClaimState)
    assert set(MODES) == set(Mode)
    assert {*STEPS} - {"draft", "change"} == set(Step)
    for word in (*STATES.values(), *MODES.values(), *STEPS.values(), *WHO.values()):
        assert any("一" <= one <= "鿿" for one in word)
        assert any(one.isascii() and one.isalpha() for one in word)
    assert all(f"`{name}`" in CLAIMS for name in FIELDS)


def test_a_refusal_names_state_and_steps_as_pages_do() -> None:
    """One Chinese word for each, wherever it is read."""
    states = {str(key): word.split()[0] for key, word in STATES.items()}
    modes = {str(key): word.split()[1] for key, word in MODES.items()}
    steps = {key: word.split()[0] for key, word in STEPS.items() if key in set(Step)}

    assert (states, modes, steps) == (dict(STATES_ZH), dict(MODES_ZH), dict(STEPS_ZH))


def test_a_step_that_is_not_possible_is_refused_in_words_of_both_languages() -> None:
    """State, mode, step and what is possible, as commands are typed; what the clock does is not
    offered."""
    with pytest.raises(Refused) as refused:
        transition(Mode.CLAIM_FIRST, Review(), ClaimState.PUBLICISED, Step.USE, "C-1")

    zh, en = str(refused.value).split("。")
    assert all(word in zh for word in ("“公示”", "“用券”（use）", "发券 issue、"))
    assert en.startswith("claim C-1 is publicised; use is not possible there")
    assert not any(word in zh + en for word in ("flag", "reopen", "expire"))

    with pytest.raises(Refused, match="Possible: claw-back") as typed:
        transition(Mode.CLAIM_FIRST, Review(), ClaimState.WITHDRAWN, Step.CHARGE_INTEREST, "C-1")
    assert "charge-interest is not possible" in str(typed.value)


@pytest.mark.parametrize(
    ("steps", "expert", "public"),
    [
        ('["企业申报", "机构审核", "专家评审", "公示"]', True, True),
        ('["形式审查", "公示"]', False, True),
        ('["form_check", "expert_review"]', True, False),
    ],
)
def test_review_steps_are_read_from_the_rules(steps: str, expert: bool, public: bool) -> None:
    """In the words of published rules or of this house."""
    found = review_of(rules(review_steps=steps))

    assert (found.expert_review, found.publicity) == (expert, public)


def test_what_rules_do_not_say_of_the_review() -> None:
    """Unknown steps: the whole review; unknown days and rounds stay unknown; "none" is none."""
    assert review_of(rules(kind='"cost_share"')) == Review()
    known = review_of(rules(publicity_days='"none"', review__corrections_max="1"))
    assert (known.publicity_days, known.corrections_max) == (0, 1)
    with pytest.raises(InvalidValue, match="现场抽签"):
        review_of(rules(review_steps='["现场抽签"]'))
    with pytest.raises(Refused, match="redemption_mode is unknown"):
        mode_of(rules(kind='"cost_share"'))


def test_interest_is_cut_once_a_payment() -> None:
    """What was paid first is recovered first, and what was recovered before is passed by."""
    paid = [
        PaidOn(day=date(2026, 1, 1), amount_fen=10_000),
        PaidOn(day=date(2026, 7, 1), amount_fen=10_000),
    ]
    ratio = Fraction(365, 10_000)

    # 10 000 x 3.65 % x 100 / 365 = 100; 5 000 x the same x 0 days = 0.
    assert interest_fen(paid[:1], 0, 10_000, date(2026, 4, 11), ratio) == 100
    assert interest_fen(paid, 10_000, 5_000, date(2026, 7, 1), ratio) == 0
    # 1 fen less than a fen of interest: cut.
    assert interest_fen(paid, 0, 99, date(2026, 4, 11), ratio) == 0
    with pytest.raises(InvalidValue, match="cannot be recovered"):
        interest_fen(paid, 0, 20_000, date(2026, 4, 11), ratio)


@pytest.mark.parametrize(
    "amounts",
    [
        {"approved_fen": -1},
        {"approved_fen": 10, "disbursed_fen": 11},
        {"approved_fen": 10, "accrued_fen": 6, "certified_fen": 5},
        {"approved_fen": 10, "disbursed_fen": 5, "recovered_fen": 6},
        {"approved_fen": 10**16},
    ],
)
def test_amounts_that_cannot_be_are_refused(amounts: dict[str, int]) -> None:
    """At birth, whoever makes them."""
    with pytest.raises(InvalidValue):
        Amounts(**amounts)


FORM = """\
contracts = ["HT-1"]
from = 2026-09-01
until = 2026-09-30
payments = ["P-1"]
[declared]
kind = "企业"
legal_person = true
matched_yuan = "12.50"
[declared.measures]
users = 5
[[statement]]
number = "KS-1"
[[invoice]]
number = "26442000000000000001"
contract = "HT-1"
part = "accelerator"
amount_yuan = "450.00"
[[other_money]]
programme_id = "district"
amount_yuan = "1.00"
"""


def test_a_form_says_everything() -> None:
    """And what it says comes back from its canonical bytes."""
    content = load_claim_form(FORM, "form.toml")

    assert content.contract_ids == ("HT-1",)
    assert content.invoices == (InvoicePart("26442000000000000001", "HT-1", "accelerator", 450_00),)
    assert (content.declared.matched_fen, content.declared.measures) == (12_50, {"users": 5})
    assert content.other_money is not None
    assert content.other_money[0].amount_fen == 1_00
    assert content_of(content.to_data()) == content


def test_other_money_that_a_form_leaves_out_is_not_known_and_an_empty_list_says_none() -> None:
    """Unknown is not none, in the form and in the canonical bytes."""
    silent = FORM.partition("[[other_money]]")[0]
    unknown = load_claim_form(silent, "form.toml")
    none = load_claim_form(f"other_money = []\n{silent}", "form.toml")

    assert (unknown.other_money, none.other_money) == (None, ())
    assert [content_of(one.to_data()) for one in (unknown, none)] == [unknown, none]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('contracts = ["HT-1"]', "contracts = []", "form.toml:1: contracts: 须为文本列表"),
        ("from = 2026-09-01", 'from = "soon"', "form.toml:2: from: 缺少日期"),
        ("until = 2026-09-30", "until = 2026-08-30", "the period ends before it begins"),
        ("legal_person = true", 'legal_person = "yes"', "form.toml:7: declared.legal_person"),
        ('kind = "企业"', 'kund = "企业"', "form.toml:6: declared.kund: 没有此字段"),
        ('"12.50"', '"12.505"', "parts of a fen"),
        ("users = 5", "users = 5.5", "form.toml:10: declared.measures.users"),
        ('number = "KS-1"', "revision = 1", "form.toml:11: statement[1].number: 缺少此字段"),
        ("26442000000000000001", "264", "is not the number of a 数电票"),
        ('contract = "HT-1"', 'contract = "HT-2"', "an invoice is for contract HT-2"),
        ('amount_yuan = "450.00"', "amount_yuan = 450.00", "form.toml:17: invoice[1].amount_yuan"),
        ("[declared]", "[declaration]", "form.toml:5: declaration: 没有此字段"),
    ],
)
def test_a_mistake_in_a_form_is_named(old: str, new: str, told: str) -> None:
    """With its line and field."""
    assert old in FORM
    with pytest.raises(MistakesFound) as refused:
        load_claim_form(FORM.replace(old, new, 1), "form.toml")

    assert told in str(refused.value)


def test_the_shipped_columns_are_sound() -> None:
    """Every table, and nothing but known fields."""
    assert set(read_columns(DEFAULT_COLUMNS)) == set(TABLES)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[intakes.column]]\nfield = 'place'\nheading = 'No'", "1: intakes: 没有表"),
        ("[intake]\nfield = 'place'", "write its columns as [[intake.column]]"),
        ("[[intake.column]]\nfield = 'x'\nheading = 'X'", "2: intake.column[1].field"),
        ("[[intake.column]]\nfield = 'place'\nheading = ''", "heading: 须为文本"),
        ("[[intake.column]]\nfield = 'place'", "heading: 须为文本"),
        (
            "[[intake.column]]\nfield = 'place'\nheading = 'N'\nwidth = 3",
            "a column has a field and a heading",
        ),
        (
            "[[intake.column]]\nfield='place'\nheading='N'\n[[intake.column]]\nfield='state'\nheading='N'",
            "is there twice",
        ),
    ],
)
def test_mistakes_in_columns_are_named(tmp_path: Path, text: str, told: str) -> None:
    """With line and field; nothing is taken."""
    file = tmp_path / "columns.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(MistakesFound) as refused:
        read_columns(file)

    assert told in str(refused.value)


def test_values_refuse_nonsense() -> None:
    """A batch without a document, a period that ends early, two officers who are one."""
    with pytest.raises(InvalidValue, match="names no document"):
        Batch(
            batch_id="B",
            programme_id="p",
            year=2026,
            version="1",
            rules_sha256="",
            opens_on=date(2026, 1, 1),
            closes_on=date(2026, 1, 2),
            documents=(),
        )
    part = InvoicePart("26442000000000000001", "HT-1", "a", 1)
    with pytest.raises(InvalidValue, match="invoice part twice"):
        ClaimContent(
            contract_ids=("HT-1",),
            first=date(2026, 1, 1),
            last=date(2026, 1, 2),
            invoices=(part, part),
        )
    with pytest.raises(InvalidValue, match="two different officers"):
        ClaimEvent(
            claim_id="C",
            serial=1,
            key="k",
            step="pay",
            before="a",
            after="b",
            actor="officer",
            second="officer",
            utc_ms=1,
        )
