"""A contract: a lease of compute between provider and company; and which devices serve it when.

An assignment names one device (a physical one or a partition) for half-open whole minutes. One side
proposes it, the other confirms it; only then does it lease anything. A device's minute serves at
most one contract, and a physical device and a partition of it never serve at the same time.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from kashi_server.domain.interval import Interval, instant_of
from kashi_server.domain.party import check_credit_code, is_credit_code
from kashi_server.domain.same_hardware import hardware_key
from kashi_server.errors import InvalidValue, Refused

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_token(text: str, what: str) -> str:
    """An identifier that people chose: it stands in file names and addresses.

    Raises:
        InvalidValue: it holds anything but letters, digits, dot, dash and underscore.
    """
    if not _TOKEN.fullmatch(text):
        raise InvalidValue(
            f"{what}“{text}”只能由字母、数字、“.”“-”“_”组成，至多 64 个，且以字母或数字开头。"
            f"{what} '{text}' may hold letters, digits, '.', '-' and '_', up to 64 of them, and"
            " begins with a letter or digit"
        )
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A lease of compute.

    Attributes:
        contract_id: the number both sides use.
        provider_id: the party that leases out.
        user_id: the party that rents.
        signed_on: date of signature.
        term: when it runs.
        unrelated_declared: the parties declared that they are unrelated (非关联方); None: nothing
            was declared.
    """

    contract_id: str
    provider_id: str
    user_id: str
    signed_on: date
    term: Interval
    unrelated_declared: bool | None = None

    def __post_init__(self) -> None:
        """Refuse a contract with oneself."""
        check_token(self.contract_id, "contract_id")
        if is_credit_code(self.contract_id):
            raise InvalidValue(
                f"合同编号“{self.contract_id}”与统一社会信用代码同形；"
                "结算单按合同或单位编号，两者会重号，请使用合同本身的编号。"
                f"contract_id '{self.contract_id}' is a credit code: statements are numbered by"
                " contract or by party, and these two would have one number; use the contract's own"
            )
        check_credit_code(self.provider_id)
        check_credit_code(self.user_id)
        if self.provider_id == self.user_id:
            raise InvalidValue(
                f"合同 {self.contract_id} 的双方是同一单位。"
                f"contract {self.contract_id} has the same party on both sides"
            )

    @property
    def sides(self) -> frozenset[str]:
        """Its two parties."""
        return frozenset((self.provider_id, self.user_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A device that serves a contract in [interval); leases only when confirmed."""

    assignment_id: str
    contract_id: str
    hardware_id: str
    interval: Interval
    proposed_by: str
    confirmed_by: str | None = None

    def __post_init__(self) -> None:
        """Refuse a side that confirms its own proposal."""
        check_token(self.assignment_id, "assignment_id")
        check_token(self.contract_id, "contract_id")
        if not self.hardware_id or len(self.hardware_id) > 256:
            raise InvalidValue(
                f"指派 {self.assignment_id} 未写明设备。"
                f"assignment {self.assignment_id} names no device"
            )
        if self.confirmed_by == self.proposed_by:
            raise InvalidValue(
                f"指派 {self.assignment_id} 不能由提议方自己确认。"
                f"assignment {self.assignment_id} is confirmed by the side that proposed it"
            )

    @property
    def confirmed(self) -> bool:
        """Both sides agreed."""
        return self.confirmed_by is not None

    def confirm(self, contract: Contract, party_id: str) -> "Assignment":
        """The other side agrees.

        Raises:
            Refused: it is confirmed already, or the party is not the other side.
        """
        if self.confirmed_by is not None:
            raise Refused(
                f"指派 {self.assignment_id} 已确认。"
                f"assignment {self.assignment_id} is confirmed already"
            )
        if party_id not in contract.sides - {self.proposed_by}:
            raise Refused(
                f"指派 {self.assignment_id} 须由合同 {contract.contract_id} 的另一方确认，"
                f"而非 {party_id}。"
                f"assignment {self.assignment_id} waits for the other side of"
                f" contract {contract.contract_id}, not for {party_id}"
            )
        return replace(self, confirmed_by=party_id)


def check_assignment(assignment: Assignment, contract: Contract) -> None:
    """Refuse an assignment that its contract does not carry.

    Raises:
        InvalidValue: a stranger proposed or confirmed it, or it leaves the contract's term.
    """
    for name in ("proposed_by", "confirmed_by"):
        party_id = getattr(assignment, name)
        if party_id is not None and party_id not in contract.sides:
            raise InvalidValue(
                f"{name} {party_id} 不是合同 {contract.contract_id} 的当事方。"
                f"{name} {party_id} is no party to contract {contract.contract_id}"
            )
    if assignment.interval.overlap(contract.term) != assignment.interval:
        raise InvalidValue(
            f"指派 {assignment.assignment_id} 超出合同 {contract.contract_id} 的期限。"
            f"assignment {assignment.assignment_id} leaves the term of contract"
            f" {contract.contract_id}"
        )


def check_disjoint(
    assignment: Assignment,
    others: Iterable[Assignment],
    parents: Mapping[str, str | None],
    may_name: Callable[[Assignment], bool] = lambda _other: True,
) -> None:
    """Refuse an assignment of a device, or of a part or whole of it, that another one names, by its
    id or by another of the same hardware: a partition's UUID is one partition at a time, and with
    its share and profile behind it is no second one.

    Args:
        assignment: the new one.
        others: those that stand; one of the same id is passed over.
        parents: the physical device of each partition, both as `hardware_key` has them.
        may_name: whether whoever reads the refusal may know of the other one.

    Raises:
        InvalidValue: another one names it in the same minute; the message names both, or, to
            somebody who may not know of the other, says no more than that there is one.
    """
    own = hardware_key(assignment.hardware_id)
    family = {own, parents.get(own)} - {None}
    for other in others:
        if other.assignment_id == assignment.assignment_id:
            continue
        key = hardware_key(other.hardware_id)
        whole = key in family
        part = parents.get(key) == own
        common = other.interval.overlap(assignment.interval) if whole or part else None
        if common is not None and not may_name(other):
            raise InvalidValue(
                f"设备 {assignment.hardware_id} 在该时段另有指派；请询问其供给方，或另选时段。"
                f"device {assignment.hardware_id} is assigned otherwise in part"
                " of this time; ask its provider, or choose another time"
            )
        if common is not None:
            same_zh, same_en = _spelt(assignment.hardware_id, other.hardware_id)
            raise InvalidValue(
                f"设备 {assignment.hardware_id} 自 {instant_of(common.start).isoformat()} 起"
                f"不能用于合同 {assignment.contract_id}：合同 {other.contract_id} 的指派"
                f" {other.assignment_id} 已写明设备 {other.hardware_id}{same_zh}。"
                f"device {assignment.hardware_id} cannot serve"
                f" {assignment.contract_id} from"
                f" {instant_of(common.start).isoformat()}: assignment {other.assignment_id} of"
                f" contract {other.contract_id} names {other.hardware_id} then"
                f"{same_en}"
            )


def _spelt(one: str, other: str) -> tuple[str, str]:
    """What to add, in both languages, where two ids are of one piece of hardware."""
    if one == other or hardware_key(one) != hardware_key(other):
        return "", ""
    zh = "（二者是同一 UUID 的同一硬件，同一时间只能指派一次；请先结束其一）"
    return zh, " (both are one UUID: it is assigned once at a time; end one of the two first)"
