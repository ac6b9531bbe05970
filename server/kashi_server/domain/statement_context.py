"""Who and what a statement speaks of, as it was called when the statement was made."""

from dataclasses import dataclass, fields
from datetime import date
from fractions import Fraction

from kashi_server.domain.interval import Interval
from kashi_server.domain.statement_line import shanghai_text


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementParty:
    """A party as it was called when the statement was made."""

    party_id: str
    name_zh: str
    name_en: str
    district: str

    def to_data(self) -> dict[str, str]:
        """Plain data."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementContract:
    """The lease the statement bills under. `term` in UTC minutes, without end where open."""

    contract_id: str
    signed_on: date
    term: Interval
    basis: tuple[str, ...]
    unrelated_declared: bool | None

    def to_data(self) -> dict[str, object]:
        """Plain data; `basis` lists the quantities its prices bill."""
        end = None if self.term.end is None else shanghai_text(self.term.end)
        return {
            "contract_id": self.contract_id,
            "signed_on": self.signed_on.isoformat(),
            "term": {"start": shanghai_text(self.term.start), "end": end},
            "basis": list(self.basis),
            "unrelated_declared": self.unrelated_declared,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementParameter:
    """A parameter of the programme's rules: `state` is published, decided or unknown."""

    name: str
    state: str
    value: str | None
    source: str | None

    def to_data(self) -> dict[str, str | None]:
        """Plain data."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementProgramme:
    """The rules version in force, by its hash."""

    programme_id: str
    version: str
    sha256: str
    name_zh: str
    name_en: str
    parameters: tuple[StatementParameter, ...]

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {
            "programme_id": self.programme_id,
            "version": self.version,
            "sha256": self.sha256,
            "name_zh": self.name_zh,
            "name_en": self.name_en,
            "parameters": [parameter.to_data() for parameter in self.parameters],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementDevice:
    """A device named in the lines. `share` of its physical device; None where unknown."""

    hardware_id: str
    parent_hardware_id: str | None
    vendor: str
    model: str
    memory_bytes: int | None
    share: Fraction | None
    domestic: bool | None
    host_ids: tuple[str, ...]

    def to_data(self) -> dict[str, object]:
        """Plain data; the share is spelled `3/7`, `1` or null."""
        return {
            "hardware_id": self.hardware_id,
            "parent_hardware_id": self.parent_hardware_id,
            "vendor": self.vendor,
            "model": self.model,
            "memory_bytes": self.memory_bytes,
            "share": None if self.share is None else str(self.share),
            "domestic": self.domestic,
            "host_ids": list(self.host_ids),
        }
