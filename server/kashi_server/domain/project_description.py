"""What a contract's compute is for (项目说明): project, purpose, site, and whom to ask.

Reviewers ask for the project's name and for what it trains or infers, and for the data centre; a
certificate prints what was stated, by the paper that states it.
"""

from dataclasses import dataclass
from datetime import date

from kashi_server.domain.contract import check_token
from kashi_server.domain.contract_terms import check_text


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectDescription:
    """What was stated on a day, and the paper that says so; the latest one holds.

    Attributes:
        project: its name.
        purpose: what it trains or infers, in a line.
        document: number or name of the paper.
        site: the data centre or site that serves it; None: not stated.
        contact: whom of the user's to ask; None: not stated.
    """

    contract_id: str
    stated_on: date
    project: str
    purpose: str
    document: str
    site: str | None = None
    contact: str | None = None

    def __post_init__(self) -> None:
        """Refuse a description without a paper, and lines that are none."""
        check_token(self.contract_id, "contract_id")
        for name in ("project", "purpose", "document", "site", "contact"):
            said = getattr(self, name)
            if said is not None:
                check_text(said, name)
