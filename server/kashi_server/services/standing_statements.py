"""The statements of a month that stand: of each its latest revision, and whose they are."""

import json
from collections.abc import Iterable, Mapping

from kashi_server.domain.correction import StandingRevision
from kashi_server.services.expense_port import StoredStatement


class StandingStatements:
    """Latest revisions by number, with their lines as data."""

    def __init__(self, statements: Iterable[StoredStatement]) -> None:
        """Of any revisions of a month's statements, keep the latest of each."""
        latest: dict[str, StoredStatement] = {}
        for one in statements:
            if one.number not in latest or latest[one.number].revision < one.revision:
                latest[one.number] = one
        self.revisions: Mapping[str, StandingRevision] = {
            number: StandingRevision(
                number=number,
                revision=one.revision,
                sha256=one.sha256.hex(),
                lines=json.loads(one.content)["lines"],
            )
            for number, one in latest.items()
        }
        self.contract_ids = frozenset(
            one.contract_id for one in latest.values() if one.contract_id is not None
        )
        self.party_ids = frozenset(
            one.user_id for one in latest.values() if one.contract_id is None
        )
