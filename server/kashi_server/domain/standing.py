"""The standing of a device in a minute: under which contract, at which price, or why it earns 0."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.device import DeviceRecord
from kashi_server.domain.device_family import share_of
from kashi_server.domain.interval import Interval, Month
from kashi_server.domain.reason import Reason
from kashi_server.domain.rent import LineRent
from kashi_server.domain.rules import RulesVersion, version_at
from kashi_server.domain.same_hardware import covers, hardware_key
from kashi_server.domain.tariff import Price, PriceUnit, Tariff
from kashi_server.domain.tenure import Tenure, TenureKind
from kashi_server.errors import InvalidValue, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the parties agreed and the programme says: everything rating needs besides facts.

    `operators` names the party that enrolled each host: usage of a host without a tenure goes to
    it. `rules` are the versions of one programme.
    """

    contracts: Mapping[str, Contract]
    assignments: Sequence[Assignment]
    prices: Sequence[Price]
    tenures: Sequence[Tenure]
    operators: Mapping[str, str]
    rules: Sequence[RulesVersion] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a device stands. Exactly one of `contract_id` and `party_id` names the statement.

    `blocked` reasons make a line earn nothing; `ineligible` ones leave its amount and take its
    eligibility.
    """

    host_id: str
    contract_id: str | None
    party_id: str | None
    price: Price | None
    rules_sha256: str | None
    blocked: tuple[Reason, ...]
    ineligible: tuple[Reason, ...]
    rent: LineRent | None = None
    """The rent it is a part of, where the price is one."""

    @property
    def leased(self) -> bool:
        """A confirmed assignment covers the time."""
        return self.contract_id is not None


class StandingBook:
    """Looks standings up; built once a rating.

    Args:
        terms: what was agreed.
        devices: what is known of devices; one that never reported counts as a whole card.
    """

    def __init__(self, terms: Terms, devices: Iterable[DeviceRecord]) -> None:
        self._terms = terms
        self._known: dict[str, list[DeviceRecord]] = {}
        for device in devices:
            self._known.setdefault(hardware_key(device.hardware_id), []).append(device)
        self._tariff = Tariff(terms.prices)
        # A version hashes its whole text whenever it is asked.
        self._rules_sha256 = {version.version: version.sha256 for version in terms.rules}
        self._prices: dict[str, list[Price]] = {}
        for price in terms.prices:
            self._prices.setdefault(price.contract_id, []).append(price)
        self._assignments: dict[str, list[Assignment]] = {}
        for assignment in sorted(terms.assignments, key=lambda found: found.assignment_id):
            key = hardware_key(assignment.hardware_id)
            self._assignments.setdefault(key, []).append(assignment)
        rented = {p.contract_id for p in terms.prices if p.unit is PriceUnit.CONTRACT_MONTH}
        self._sharing: dict[str, list[Assignment]] = {contract: [] for contract in rented}
        for assignment in terms.assignments:
            if assignment.contract_id in rented and assignment.confirmed:
                self._sharing[assignment.contract_id].append(assignment)
        self._tenures: dict[str, list[Tenure]] = {}
        for tenure in sorted(terms.tenures, key=lambda found: found.interval.start):
            self._tenures.setdefault(tenure.host_id, []).append(tenure)

    def _naming(self, device: DeviceRecord) -> Iterator[Assignment]:
        """The assignments that cover a device, by its id or by another of its hardware."""
        for one in self._assignments.get(hardware_key(device.hardware_id), ()):
            if covers(one.hardware_id, device.hardware_id, share_of(device)):
                yield one

    def leased_at(self, device: DeviceRecord, minute: int) -> Assignment | None:
        """The confirmed assignment of a device at a minute, within its contract's term.

        Raises:
            InvalidValue: two contracts lease the device in one minute.
        """
        found = [
            assignment
            for assignment in self._naming(device)
            if assignment.confirmed
            and minute in assignment.interval
            and minute in self._terms.contracts[assignment.contract_id].term
        ]
        if len(found) > 1:
            raise InvalidValue(
                f"设备 {device.hardware_id} 在同一分钟既属指派 {found[0].assignment_id}，"
                f"又属 {found[1].assignment_id}。"
                f"device {device.hardware_id} serves {found[0].assignment_id} and"
                f" {found[1].assignment_id} in one minute"
            )
        return found[0] if found else None

    def changes(self, device: DeviceRecord, hosts: Iterable[str]) -> Iterable[Interval]:
        """Every interval at whose ends the standing of a device may change."""
        for assignment in self._naming(device):
            contract = self._terms.contracts[assignment.contract_id]
            yield assignment.interval
            yield contract.term
            for price in self._prices.get(contract.contract_id, ()):
                yield price.interval
            # Whoever comes or goes changes among how many devices a contract's rent is divided.
            for other in self._sharing.get(contract.contract_id, ()):
                yield other.interval
                for cut in self._cuts(other):
                    yield from (window.interval for window in cut.windows)
        for assignment in self._assignments.get(hardware_key(device.parent_hardware_id), ()):
            yield assignment.interval
            yield self._terms.contracts[assignment.contract_id].term
        for host_id in hosts:
            for tenure in self._tenures.get(host_id, ()):
                yield tenure.interval
        for version in self._terms.rules:
            yield version.in_force

    def at(
        self, device: DeviceRecord, models: Sequence[str], host_id: str, minute: int
    ) -> Standing:
        """How a device stands at a minute; `models` in the order in which prices are looked up."""
        tenure = next((t for t in self._tenures.get(host_id, ()) if minute in t.interval), None)
        assignment = self.leased_at(device, minute)
        rules = version_at(self._terms.rules, minute)
        rules_sha256 = None if rules is None else self._rules_sha256[rules.version]
        if assignment is None:
            return Standing(
                host_id=host_id,
                contract_id=None,
                party_id=self._owner(host_id, tenure),
                price=None,
                rules_sha256=rules_sha256,
                blocked=self._unleased(device, tenure, minute),
                ineligible=(),
            )
        contract = self._terms.contracts[assignment.contract_id]
        price = self._tariff.at(contract.contract_id, models, minute, whole=True)
        return Standing(
            host_id=host_id,
            contract_id=contract.contract_id,
            party_id=None,
            price=price,
            rules_sha256=rules_sha256,
            blocked=blocking(contract, tenure, price),
            ineligible=ineligible(contract, rules),
            rent=self._rent(price, models, minute),
        )

    def _rent(self, price: Price | None, models: Sequence[str], minute: int) -> LineRent | None:
        """The rent at a minute. That of a contract is divided among the devices it leases then."""
        if price is None or not price.unit.monthly:
            return None
        month = Month.of(minute)
        if price.unit is not PriceUnit.CONTRACT_MONTH:
            own = len(models) > 1 and price.model == models[0] != models[1]
            profile = models[0].rpartition(" ")[2] if own else ""
            return LineRent(yuan=price.yuan, month=month, profile=profile)
        term = self._terms.contracts[price.contract_id].term
        sharing = self._sharing[price.contract_id] if minute in term else ()
        leased = sum(
            (self._share(one, minute) for one in sharing if minute in one.interval), Fraction(0)
        )
        devices = max(leased, Fraction(price.devices or 0)) or Fraction(1)
        return LineRent(yuan=price.yuan, month=month, devices=devices)

    def _covered(self, assignment: Assignment) -> Sequence[DeviceRecord]:
        named = assignment.hardware_id
        known = self._known.get(hardware_key(named), ())
        return [one for one in known if covers(named, one.hardware_id, share_of(one))]

    def _cuts(self, assignment: Assignment) -> Sequence[DeviceRecord]:
        """What an assignment covers that hosts tell by several ids: one partition, cut anew or told
        anew, each in its own time; nothing where it is told by one."""
        found = self._covered(assignment)
        return found if len(found) > 1 else ()

    def _share(self, assignment: Assignment, minute: int) -> Fraction:
        """What part of a card an assignment holds at a minute."""
        found = self._covered(assignment)
        serving = [one for one in found if any(minute in w.interval for w in one.windows)]
        return next(map(share_of, serving or found), Fraction(1))

    def _owner(self, host_id: str, tenure: Tenure | None) -> str:
        if tenure is not None:
            return tenure.owner_id
        if host_id not in self._terms.operators:
            raise Refused(
                f"主机 {host_id} 既无产权登记，也无运营方；请导入其产权登记。"
                f"host {host_id} has neither a tenure nor an operator; import its tenure"
            )
        return self._terms.operators[host_id]

    def _unleased(
        self, device: DeviceRecord, tenure: Tenure | None, minute: int
    ) -> tuple[Reason, ...]:
        reasons: list[Reason] = []
        for assignment in self._naming(device):
            if minute in assignment.interval:
                outside = minute not in self._terms.contracts[assignment.contract_id].term
                reasons.append(Reason.OUTSIDE_TERM if outside else Reason.ASSIGNMENT_UNCONFIRMED)
        if tenure is None:
            reasons.append(Reason.OWNER_UNKNOWN)
        elif tenure.kind is TenureKind.SELF_OWNED:
            reasons.append(Reason.SELF_OWNED)
        elif not reasons:
            reasons.append(Reason.UNLEASED)
        return tuple(sorted(set(reasons)))


def blocking(contract: Contract, tenure: Tenure | None, price: Price | None) -> tuple[Reason, ...]:
    """Why what is leased under a contract earns nothing: by its host's tenure, or for no price."""
    reasons: list[Reason] = []
    if tenure is None:
        reasons.append(Reason.OWNER_UNKNOWN)
    elif tenure.kind is TenureKind.SELF_OWNED:
        reasons.append(Reason.SELF_OWNED)
    elif tenure.owner_id != contract.provider_id:
        reasons.append(Reason.PROVIDER_NOT_OWNER)
    if price is None:
        reasons.append(Reason.NO_PRICE)
    return tuple(sorted(reasons))


def ineligible(contract: Contract, rules: RulesVersion | None) -> tuple[Reason, ...]:
    """Why what is leased under a contract is no eligible expense under the rules in force."""
    if rules is None:
        return (Reason.NO_ACTIVE_RULES,)
    if contract.unrelated_declared is False and rules.truth("related_party_forbidden"):
        return (Reason.RELATED_PARTIES,)
    return ()
