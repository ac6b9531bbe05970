"""A claim on several contracts: what bound each is told, and no amount changes by it."""

from dataclasses import replace
from pathlib import Path

from kashi_server.domain.evaluation.case import Case, Metered, Part
from kashi_server.domain.evaluation.evaluate import Evaluation, evaluate
from kashi_server.services.rulebook import read_rules
from plain_claims import plain_case

LONGHUA = read_rules(Path(__file__).parents[2] / "programmes" / "longhua-2024.toml")
"""30 % of the least of contract, invoice and payment."""


def part(contract_id: str | None, contract_fen: int, invoice_fen: int) -> Part:
    """Compute of a contract."""
    return Part(
        item="accelerator",
        domestic=True,
        contract_id=contract_id,
        contract_fen=contract_fen,
        contract_ex_tax_fen=contract_fen,
        invoice_fen=invoice_fen,
        invoice_ex_tax_fen=invoice_fen,
    )


def two(first: str | None, second: str | None) -> Case:
    """900 yuan contracted and 450 invoiced; 100 contracted and 600 invoiced; 1 050 paid."""
    lines = [
        Metered(evidence_level="E2", domestic=True, amount_fen=fen, contract_id=contract_id)
        for contract_id, fen in ((first, 40_00), (second, 2_00), (second, 3_00))
    ]
    return replace(
        plain_case(900_00, 0),
        parts=(part(first, 900_00, 450_00), part(second, 100_00, 600_00)),
        payment_fen=1_050_00,
        payment_ex_tax_fen=1_050_00,
        metered=tuple(lines),
    )


def told(done: Evaluation) -> dict[str, str]:
    """The inputs of the base."""
    (step,) = [one for one in done.steps if one.name == "base"]
    return dict(step.outcome.inputs)


def test_each_contract_tells_what_bound_it() -> None:
    """Over both, 1 000 yuan are contracted, 1 050 invoiced and paid: the contracts bind. The first
    is bound by its invoice, the second by its contract; what was paid is split as invoices are."""
    done = evaluate(LONGHUA, two("HT-A", "HT-B"))

    found = told(done)
    assert (found["contract"], found["invoice"], found["payment"]) == (
        "1000.00",
        "1050.00",
        "1050.00",
    )
    assert found["HT-A bound"] == "invoice 450.00"
    assert found["HT-B bound"] == "contract 100.00"
    assert (found["HT-A payment"], found["HT-B payment"]) == ("450.00", "600.00")
    assert (found["HT-A metered"], found["HT-B metered"]) == ("40.00", "5.00")


def test_naming_contracts_changes_no_amount_and_one_contract_no_byte() -> None:
    """The steps come to the same with and without names; a case of one contract, and one that names
    only some, tells what it told before."""
    plain, named = evaluate(LONGHUA, two(None, None)), evaluate(LONGHUA, two("HT-A", "HT-B"))

    assert [one.after_fen for one in named.steps] == [one.after_fen for one in plain.steps]
    assert named.amount_fen == plain.amount_fen
    for case in (two("HT-A", "HT-A"), two("HT-A", None)):
        assert evaluate(LONGHUA, case).to_bytes() == plain.to_bytes()
