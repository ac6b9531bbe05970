"""An assignment that two officers declare void: it never should have stood."""

from dataclasses import dataclass

from kashi_server.domain.contract import check_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Voiding:
    """Takes an assignment out of the book, for all of its time, closed months included."""

    assignment_id: str

    def __post_init__(self) -> None:
        """Refuse what names no assignment."""
        check_token(self.assignment_id, "assignment_id")
