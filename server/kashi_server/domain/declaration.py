"""What both sides of a contract declared: that they are unrelated (非关联方), or are not."""

from dataclasses import dataclass
from datetime import date

from kashi_server.domain.contract import check_token
from kashi_server.domain.contract_terms import check_text


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedDeclaration:
    """What was declared on a day, and the paper that says so; the latest one holds."""

    contract_id: str
    declared_on: date
    unrelated: bool
    document: str

    def __post_init__(self) -> None:
        """Refuse a declaration without a paper."""
        check_token(self.contract_id, "contract_id")
        check_text(self.document, "document")
