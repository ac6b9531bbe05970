"""From the values of an import file's table to the agreement they make."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.contract_terms import ORIGINAL, Amendment, ContractPart
from kashi_server.domain.declaration import RelatedDeclaration
from kashi_server.domain.interval import Interval
from kashi_server.domain.listing import ProviderListing
from kashi_server.domain.money import FEN_PER_YUAN
from kashi_server.domain.party import Party
from kashi_server.domain.project_description import ProjectDescription
from kashi_server.domain.tariff import Basis, Price, PriceUnit
from kashi_server.domain.taxed import Taxed
from kashi_server.domain.tenure import Tenure
from kashi_server.domain.voiding import Voiding
from kashi_server.errors import InvalidValue

Agreement = (
    Party
    | Tenure
    | Contract
    | Assignment
    | Price
    | Amendment
    | ContractPart
    | RelatedDeclaration
    | ProjectDescription
    | ProviderListing
    | Voiding
)
"""Anything that a file imports."""


def _term(values: Mapping[str, Any]) -> Interval:
    return Interval(values["from"], values.get("until"))


def _party(values: Mapping[str, Any]) -> Party:
    return Party(**values)


def _tenure(values: Mapping[str, Any]) -> Tenure:
    return Tenure(
        host_id=values["host_id"],
        owner_id=values["owner"],
        operator_id=values["operator"],
        kind=values["kind"],
        interval=_term(values),
    )


def _contract(values: Mapping[str, Any]) -> Contract:
    return Contract(
        contract_id=values["contract_id"],
        provider_id=values["provider"],
        user_id=values["user"],
        signed_on=values["signed_on"],
        term=_term(values),
        unrelated_declared=values.get("unrelated_declared"),
    )


def _voiding(values: Mapping[str, Any]) -> Voiding:
    return Voiding(assignment_id=values["assignment"])


def _assignment(values: Mapping[str, Any]) -> Assignment:
    return Assignment(
        assignment_id=values["assignment_id"],
        contract_id=values["contract"],
        hardware_id=values["hardware_id"],
        interval=_term(values),
        proposed_by=values["proposed_by"],
        confirmed_by=values.get("confirmed_by"),
    )


def _price(values: Mapping[str, Any]) -> Price:
    return Price(
        price_id=values["price_id"],
        contract_id=values["contract"],
        model=values["model"],
        yuan=values["yuan_per_card_hour"],
        basis=values["basis"],
        interval=_term(values),
    )


def _amendment(values: Mapping[str, Any]) -> Amendment:
    open_end = values.get("open_end", False)
    if open_end and "until" in values:
        raise InvalidValue(
            "时段既有结束时间又注明无固定结束，请只写其一。the interval has an end and is open"
        )
    return Amendment(
        contract_id=values["contract"],
        number=values["number"],
        signed_on=values["signed_on"],
        effective=values["from"],
        document=values["document"],
        changes_end=open_end or "until" in values,
        end=values.get("until"),
    )


def _contract_part(values: Mapping[str, Any]) -> ContractPart:
    amount = Taxed(ex_tax_fen=values["ex_tax_yuan"], tax_fen=values["tax_yuan"])
    if "incl_yuan" in values:
        amount.check_incl(values["incl_yuan"])
    return ContractPart(
        contract_id=values["contract"],
        amendment=values.get("amendment", ORIGINAL),
        part=values.get("part", values["item"]),
        item=values["item"],
        ex_tax_fen=amount.ex_tax_fen,
        tax_fen=amount.tax_fen,
        domestic=values.get("domestic"),
        owned=values.get("owned", False),
    )


def _declaration(values: Mapping[str, Any]) -> RelatedDeclaration:
    return RelatedDeclaration(
        contract_id=values["contract"],
        declared_on=values["declared_on"],
        unrelated=values["unrelated"],
        document=values["document"],
    )


def _project(values: Mapping[str, Any]) -> ProjectDescription:
    return ProjectDescription(
        contract_id=values["contract"],
        stated_on=values["stated_on"],
        project=values["project"],
        purpose=values["purpose"],
        document=values["document"],
        site=values.get("site"),
        contact=values.get("contact"),
    )


def _listing(values: Mapping[str, Any]) -> ProviderListing:
    return ProviderListing(
        listing_id=values["listing_id"],
        provider_id=values["provider"],
        batch=values["batch"],
        service_item=values["service_item"],
        listed_from=values["listed_from"],
        listed_until=values.get("listed_until"),
        document=values["document"],
    )


def _partition_price(values: Mapping[str, Any]) -> Price:
    return Price(
        price_id=values["price_id"],
        contract_id=values["contract"],
        model=values["model"],
        yuan=values["yuan_per_partition_hour"],
        basis=values["basis"],
        interval=_term(values),
        unit=PriceUnit.PARTITION_HOUR,
        profile=values["profile"],
    )


def _rent(values: Mapping[str, Any]) -> Price:
    return Price(
        price_id=values["rent_id"],
        contract_id=values["contract"],
        model=values.get("model", ""),
        yuan=Fraction(values["yuan_per_month"], FEN_PER_YUAN),
        basis=Basis.FLAT_RENT,
        interval=_term(values),
        unit=values["of"],
        devices=values.get("devices"),
    )


BUILD: Mapping[str, Callable[[Mapping[str, Any]], Agreement]] = {
    "party": _party,
    "tenure": _tenure,
    "contract": _contract,
    "amendment": _amendment,
    "contract_part": _contract_part,
    "declaration": _declaration,
    "project": _project,
    "listing": _listing,
    "void": _voiding,
    "assignment": _assignment,
    "price": _price,
    "partition_price": _partition_price,
    "rent": _rent,
}
"""By table: what makes the agreement of its values."""

CULPRITS: Mapping[str, str] = {
    "party": "name_zh",
    "tenure": "host_id",
    "contract": "user",
    "amendment": "number",
    "contract_part": "tax_yuan",
    "declaration": "document",
    "project": "document",
    "listing": "listed_until",
    "void": "assignment",
    "assignment": "confirmed_by",
    "price": "yuan_per_card_hour",
    "partition_price": "yuan_per_partition_hour",
    "rent": "of",
}
"""The field that a value's own refusal is about, where it is not its interval."""
