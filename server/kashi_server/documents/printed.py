"""What a page prints, as data: the parts of a certificate, parsed once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kashi_server.domain.certificate_parts import CertificateParts

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """Statements and evidence in the order of their months, and the summary of them all."""

    statements: tuple[Data, ...]
    evidence: tuple[Data, ...]
    summary: Data
    names: tuple[str, ...]

    @classmethod
    def of(cls, parts: CertificateParts) -> "Printed":
        """Parse the parts."""
        return cls(
            statements=tuple(json.loads(one.statement) for one in parts.months),
            evidence=tuple(json.loads(one.evidence) for one in parts.months),
            summary=json.loads(parts.summary),
            names=("certificate.json", *parts.named()),
        )

    @property
    def last(self) -> Data:
        """The statement of the last month: who and under which contract."""
        return self.statements[-1]

    @property
    def several(self) -> bool:
        """Whether there are several months."""
        return len(self.statements) > 1
