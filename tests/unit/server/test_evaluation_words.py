"""The words of an evaluation's steps say whose amount they tell, and what is not applied."""

import json
import re
from dataclasses import replace

import pytest
from evaluation_cases import PROGRAMMES
from kashi_server.domain.evaluation.case import Case, Part
from kashi_server.domain.evaluation.evaluate import evaluate
from kashi_server.domain.evaluation.input_words import input_words
from kashi_server.domain.parameters import ITEMS, Value
from kashi_server.services.claim_words import trace_lines
from longhua_rules import ruled
from plain_claims import plain_case, standing
from random_claims import Dice, random_case
from random_rules import random_rules

CASE = plain_case(10_000_00, 0)
"""10 000 yuan of accelerators that meet every condition."""
POOL = "500000000.00"
LEFT = ("规则总额之余（非台账余额）", "left of the rules' pool (not of the ledger)")


def said(name: str, case: Case = CASE, **values: Value | None) -> tuple[str, str]:
    """What a step says of itself under Longhua's rules with other values."""
    (step,) = (one for one in evaluate(ruled(**values), case).steps if one.name == name)
    return step.outcome.reason


def test_no_chinese_sentence_names_a_code() -> None:
    """A thousand claims of every programme: parameters, factors and facts are called by their
    Chinese names in Chinese; the codes stand in the English sentence and in what bound."""
    told: dict[str, set[str]] = {}
    for number in range(1000):
        dice = Dice(f"words {number}")
        rules = random_rules(dice, PROGRAMMES)
        for step in evaluate(rules, random_case(dice, rules)).steps:
            told.setdefault(step.name, set()).add(step.outcome.reason[0])

    assert all(len(told[name]) > 5 for name in ("gate", "base", "company_cap", "ratio"))
    assert [
        one for said in told.values() for one in sorted(said) if re.search("[A-Za-z_]", one)
    ] == []


def test_what_bounds_an_amount_is_named_in_each_language() -> None:
    """The least of the factors, a cap, a condition failed, what an award starts from."""
    strange = replace(CASE, claimant=replace(CASE.claimant, kind="个人"))

    assert said("base") == (
        "取合同、发票、支付金额的最小值 10000.00 元",
        "the least of contract, invoice, payment: 10000.00 yuan",
    )
    assert said("company_cap", cap__company_year_yuan="100") == (
        "受企业年度上限限制，为 100.00 元",
        "cap.company_year_yuan holds it at 100.00 yuan",
    )
    assert said("gate", strange) == ("不符合“申报主体类型”", "fails beneficiary_types")
    assert said("base", kind="discretionary")[0] == "缺少主管部门决定的金额，无法计算"


@pytest.mark.parametrize(
    ("least", "zh", "en"),
    [
        (
            "0",
            "规则门槛为 0 元，即无门槛",
            "the rules' threshold is 0 yuan: there is none to reach",
        ),
        ("none", "规则不设门槛", "the rules have no threshold"),
        (None, "门槛未知，暂不适用", "nobody knows the threshold: none is applied"),
        (
            "10000",
            "全年 10000.00 元，已达门槛 10000.00 元",
            "10000.00 yuan in the year reach the threshold of 10000.00",
        ),
        (
            "10000.01",
            "全年 10000.00 元，未达门槛 10000.01 元",
            "10000.00 yuan in the year do not reach the threshold of 10000.01",
        ),
    ],
)
def test_a_threshold_says_which_amount_is_whose(least: str | None, zh: str, en: str) -> None:
    """It never claims that nothing was reached: none, 0 and unknown are told apart."""
    assert said("threshold", threshold__year_yuan=least) == (zh, en)


def test_a_year_that_is_not_known_whole_is_said_so() -> None:
    """What is known of it, and that the threshold is not applied."""
    unknown = replace(CASE, standing=replace(CASE.standing, year_eligible_fen=None))

    assert said("threshold", unknown, threshold__year_yuan="500000") == (
        "已知全年 10000.00 元，是否达到门槛 500000.00 元不可知，暂不适用",
        "of the year 10000.00 yuan are known; whether it reaches 500000.00 is not: not applied",
    )


@pytest.mark.parametrize(
    ("granted_fen", "zh", "en"),
    [
        (
            1_00,
            "规则的年度资金总额 500000000.00 元，已核定 1.00 元，余 499999999.00 元",
            "of the rules' pool, 500000000.00 yuan, 1.00 are granted and 499999999.00 left",
        ),
        (
            None,
            "规则的年度资金总额 500000000.00 元，已核定多少不可知，未扣减",
            (
                "of the rules' pool, 500000000.00 yuan, nobody knows how much is granted: nothing"
                " is taken off"
            ),
        ),
    ],
)
def test_a_pool_says_that_it_is_the_rules(granted_fen: int | None, zh: str, en: str) -> None:
    """What is left of it is not what the ledger holds, and what was taken off is named."""
    case = replace(CASE, standing=replace(CASE.standing, pool_granted_fen=granted_fen))

    assert said("pool", case, pool__year_yuan=POOL) == (
        f"{zh}（并非台账余额，核定时另查）；未受限",
        f"{en} (not the ledger's balance: approval looks there); the amount is not bound",
    )


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "nobody knows the rules' pool of the year; the amount is not bound"),
        ("none", "the rules have no pool of the year; the amount is not bound"),
    ],
)
def test_a_pool_that_is_none_is_not_one_nobody_knows(size: str | None, words: str) -> None:
    """Neither binds; only one may turn out to."""
    assert said("pool", pool__year_yuan=size)[1] == words


def test_a_pool_that_binds_says_what_it_allows() -> None:
    """In both languages, behind what is left of it."""
    case = replace(CASE, standing=standing(pool_requested_fen=0))
    zh, en = said("pool", case, pool__year_yuan="1000.00")

    assert zh.endswith("；按此允许 1000.00 元")
    assert en.endswith("; this allows 1000.00 yuan")


def test_a_scope_without_parts_says_so() -> None:
    """No dash stands for what is not there; own equipment and every item have both languages."""
    bare = replace(CASE, parts=())
    own = replace(CASE, parts=(Part(item="storage"), Part(item="accelerator", owned=True)))

    assert said("scope", bare) == (
        "本案未列合同的费用分项，此步无可取舍",
        "the case lists no parts of a contract: there is nothing to choose from",
    )
    assert said("scope", own, self_owned_excluded=True) == (
        "没有可计入的费用分项；不计 存储、算力租用（自有设备）",
        "none of the contract's parts counts; leaves out storage, accelerator (own equipment)",
    )
    assert said("scope") == ("计入 算力租用", "counts accelerator")


@pytest.mark.parametrize("item", ITEMS)
def test_every_item_has_its_chinese_word(item: str) -> None:
    """A code in a Chinese sentence tells its reader nothing."""
    zh, _en = said("scope", replace(CASE, parts=(Part(item=item),)), expense_scope__include=(item,))

    assert not zh.removeprefix("计入 ").isascii()


@pytest.mark.parametrize(
    ("step", "name", "words"),
    [
        (
            "pool",
            "left",
            ("规则总额之余（非台账余额）", "left of the rules' pool (not of the ledger)"),
        ),
        ("stacking", "left", ("叠加上限余额", "left below the line")),
        ("threshold", "year", ("全年费用", "expense of the year")),
        ("company_cap", "cap.company_year_yuan", ("企业年度上限", "cap.company_year_yuan")),
        ("base", "invoice", ("发票", "invoice")),
        ("base", "HT-1 invoice", ("HT-1 发票", "HT-1 invoice")),
        ("base", "HT-1 bound", ("HT-1 取最小", "HT-1 least of them")),
        ("voucher_balance", "voucher V-1", ("券 V-1", "voucher V-1")),
    ],
)
def test_an_input_is_named_by_whose_it_is(step: str, name: str, words: tuple[str, str]) -> None:
    """The same code is another amount in another step."""
    assert input_words(step, name) == words


def test_a_printed_trace_names_every_input_in_both_languages() -> None:
    """No line of `claim show --trace`, of the pack or of `evaluate` is left with a bare code."""
    done = evaluate(ruled(pool__year_yuan=POOL), CASE)
    inputs = [
        f"{zh} {en} {one['value']}"
        for step in json.loads(done.to_bytes())["steps"]
        for one in step["inputs"]
        for zh, en in [input_words(step["step"], one["name"])]
        if zh != en
    ]
    lines = "\n".join(trace_lines(done.to_bytes()))

    assert len(inputs) >= len(done.steps)
    assert [one for one in inputs if one not in lines or one.isascii()] == []
    assert f"{' '.join(LEFT)} {POOL}" in lines
