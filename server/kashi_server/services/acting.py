"""Who acts upon papers: a person, and the party the person acts for."""

from dataclasses import dataclass

from kashi_server.domain.contract_terms import check_text
from kashi_server.domain.party import check_credit_code
from kashi_server.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """A person who acts for a party; `party_id` None: for the programme office, which sees all.

    Attributes:
        actor: the person's login; kept with what is done.
        party_id: credit code of the party.
    """

    actor: str
    party_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse nobody."""
        check_text(self.actor, "the name of who acts")
        if self.party_id is not None:
            check_credit_code(self.party_id)

    def may_see(self, *sides: str) -> bool:
        """Whether a paper of these parties is theirs to see."""
        return self.party_id is None or self.party_id in sides

    def check_sees(self, what: str, *sides: str) -> None:
        """Pass by what is not theirs as if it were not there.

        Raises:
            NotFound: it is the paper of others.
        """
        if not self.may_see(*sides):
            raise NotFound(f"没有此项，或不属于本单位：{what}。there is no {what}")
