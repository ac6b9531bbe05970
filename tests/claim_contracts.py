"""Contracts beside those that claims are filed on, and what amendments make of one."""

from dataclasses import replace
from datetime import date

from claim_cases import APPLIED_MS, Filed
from fixtures_certificates import PROVIDER
from kashi_server.domain.contract_terms import ORIGINAL, Amendment, ContractPart
from kashi_server.domain.party import Party, PartyKind


def second_contract(ready: Filed, provider_id: str = PROVIDER) -> None:
    """Another contract of the company, HT-C, with compute for 900 yuan; perhaps of another
    provider."""
    with ready.work.begin() as unit:
        (contract,) = [one for one in unit.expense.contracts() if one.contract_id == "HT-A"]
        if provider_id != PROVIDER:
            unit.expense.put_party(
                Party(
                    party_id=provider_id,
                    kind=PartyKind.PROVIDER,
                    name_zh="另一服务机构",
                    name_en="Other",
                    district="",
                )
            )
        other = replace(contract, contract_id="HT-C", provider_id=provider_id)
        unit.expense.put_contract(other)
        unit.papers.put_part(
            ContractPart(
                contract_id="HT-C",
                amendment=ORIGINAL,
                part="accelerator",
                item="accelerator",
                ex_tax_fen=900_00,
                tax_fen=0,
                domestic=False,
            )
        )
        unit.commit()


def amended(ready: Filed, contract_id: str, accelerator_fen: int) -> None:
    """An amendment comes in by which the contract's compute is for less, or for more."""
    number = "补-1"
    with ready.work.begin() as unit:
        unit.papers.put_amendment(
            Amendment(
                contract_id=contract_id,
                number=number,
                signed_on=date(2026, 11, 2),
                effective=APPLIED_MS // 60_000,
                document=number,
            )
        )
        unit.papers.put_part(
            ContractPart(
                contract_id=contract_id,
                amendment=number,
                part="accelerator",
                item="accelerator",
                ex_tax_fen=accelerator_fen,
                tax_fen=0,
                domestic=False,
            )
        )
        unit.commit()
