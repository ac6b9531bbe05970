"""`contracts` and `providers`: what was agreed part by part, and who is listed for what."""

import json
from datetime import date
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kashi_server.bootstrap import opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory
from kashi_server.commands.plain import PlainConsole
from kashi_server.domain.contract_terms import ContractTerms, HeldParts
from kashi_server.domain.interval import minute_of_day
from kashi_server.domain.money import yuan_text
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.errors import InvalidValue, NotFound
from kashi_server.services.provider_lists import listings_on

Day = Annotated[
    str | None,
    typer.Option(
        "--on", help="查某日的内容，如 2026-10-08。What held on this day, like 2026-10-08."
    ),
]


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise InvalidValue(
            f"--on “{text}”不是日期，写法如 2026-10-08。"
            f"--on '{text}' is not a day; write it like 2026-10-08"
        ) from error


def list_providers(
    on: Day = None,
    provider: Annotated[
        str | None,
        typer.Option("--provider", help="服务机构的统一社会信用代码。Credit code of one provider."),
    ] = None,
    service_item: Annotated[
        str | None, typer.Option("--item", help="某一服务项目。One service item.")
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """按批次列出服务机构的服务项目；--on 查某日名单。
    List providers' service items by batch; with --on those listed that day.
    """
    day = _day(on)
    with opened(directory) as server, server.work.begin(writes=False) as unit:
        found = [
            one
            for one in listings_on(unit, day)
            if provider in (None, one.provider_id) and service_item in (None, one.service_item)
        ]
        names = {party.party_id: party.name_zh for party in unit.expense.parties()}
    if as_json:
        facts = [
            {
                "listing_id": one.listing_id,
                "provider_id": one.provider_id,
                "batch": one.batch,
                "service_item": one.service_item,
                "listed_from": one.listed_from.isoformat(),
                "listed_until": None if one.listed_until is None else str(one.listed_until),
                "document": one.document,
            }
            for one in found
        ]
        print(json.dumps(facts, ensure_ascii=False))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in (
        "服务机构\nprovider",
        "批次\nbatch",
        "服务项目\nservice item",
        "起止\nfrom, until",
        "文号\ndocument",
    ):
        table.add_column(title, overflow="fold")
    for one in found:
        table.add_row(
            f"{one.provider_id}\n{names.get(one.provider_id, '')}",
            one.batch,
            one.service_item,
            f"{one.listed_from}\n– {one.listed_until or ''}",
            one.document,
        )
    PlainConsole().print(table)
    print(f"{len(found)} 项 listings.")


def show_contract(
    contract_id: Annotated[str, typer.Argument(metavar="CONTRACT", help="合同编号。Its number.")],
    on: Day = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """显示合同各部分、总额与变更；--on 查某日有效内容。
    Show a contract's parts, total and amendments; with --on what held that day.
    """
    day = _day(on)
    with opened(directory) as server, server.work.begin(writes=False) as unit:
        contracts = {one.contract_id: one for one in unit.expense.contracts()}
        terms = unit.papers.terms(contract_id)
        declarations = unit.papers.declarations(contract_id)
        projects = unit.papers.projects(contract_id)
    if contract_id not in contracts:
        raise NotFound(f"没有合同“{contract_id}”，请核对编号。there is no contract '{contract_id}'")
    contract = contracts[contract_id]
    held = terms.held_at(None if day is None else minute_of_day(day))
    if as_json:
        facts = {
            "contract_id": contract_id,
            "provider_id": contract.provider_id,
            "user_id": contract.user_id,
            "signed_on": contract.signed_on.isoformat(),
            "from": shanghai_text(contract.term.start),
            "until": None if contract.term.end is None else shanghai_text(contract.term.end),
            "unrelated_declared": contract.unrelated_declared,
            "declarations": [
                {
                    "declared_on": one.declared_on.isoformat(),
                    "unrelated": one.unrelated,
                    "document": one.document,
                }
                for one in declarations
            ],
            "projects": [
                {
                    "stated_on": one.stated_on.isoformat(),
                    "project": one.project,
                    "purpose": one.purpose,
                    "site": one.site,
                    "contact": one.contact,
                    "document": one.document,
                }
                for one in projects
            ],
            **_terms_data(terms, held),
        }
        print(json.dumps(facts, ensure_ascii=False))
        return
    print(f"{contract_id}  {contract.provider_id} → {contract.user_id}")
    for part in held.parts:
        since = f"  {part.amendment}" if part.amendment else ""
        print(f"    {part.item:<12} {part.part}  {yuan_text(part.amount.incl_fen)}{since}")
    total = yuan_text(held.total.incl_fen) if held.parts else "未提供 not stated"
    print(f"    合计 total {total}")
    for project in projects[-1:]:
        print(f"    项目与用途 project, purpose {project.project}; {project.purpose}")
    for amendment in terms.amendments:
        print(f"    补充协议 amendment {amendment.number}  {shanghai_text(amendment.effective)}")


def _terms_data(terms: ContractTerms, held: HeldParts) -> dict[str, object]:
    return {
        "parts": [
            {
                "part": one.part,
                "item": one.item,
                "ex_tax_fen": one.ex_tax_fen,
                "tax_fen": one.tax_fen,
                "incl_fen": one.amount.incl_fen,
                "domestic": one.domestic,
                "owned": one.owned,
                "since_amendment": one.amendment or None,
            }
            for one in held.parts
        ],
        "total_incl_fen": held.total.incl_fen if held.parts else None,
        "total_ex_tax_fen": held.total.ex_tax_fen if held.parts else None,
        "amendments": [
            {
                "number": one.number,
                "signed_on": one.signed_on.isoformat(),
                "from": shanghai_text(one.effective),
                "changes_end": one.changes_end,
                "until": None if one.end is None else shanghai_text(one.end),
                "document": one.document,
            }
            for one in terms.amendments
        ],
    }
