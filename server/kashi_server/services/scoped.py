"""Reading as one reader: every unit of work shows the reader's rows, and nothing is written."""

from contextlib import AbstractContextManager
from typing import Generic, Protocol, TypeVar

from kashi_server.errors import Refused
from kashi_server.services.sight import Reader

EVERYBODY = "*"
Unit = TypeVar("Unit")
UnitOut = TypeVar("UnitOut", covariant=True)


class PartyWork(Protocol[UnitOut]):
    """Opens units of work that show one party's rows."""

    def begin(self, *, writes: bool = True, party: str = "") -> AbstractContextManager[UnitOut]:
        """Open one; the database itself shows it the rows of `party` only, `*` for all."""


class ReaderWork(Generic[Unit]):
    """Units of work of the portal's role, for services that do not name a party themselves."""

    def __init__(self, work: PartyWork[Unit], reader: Reader) -> None:
        """Over the portal's database, for one reader."""
        self._work = work
        self._party = EVERYBODY if reader.party_id is None else reader.party_id

    def begin(self, *, writes: bool = True) -> AbstractContextManager[Unit]:
        """Open one.

        Raises:
            Refused: it would write, and a reader reads.
        """
        if writes:
            raise Refused("只读账号不能更改任何内容。a reader changes nothing")
        return self._work.begin(writes=False, party=self._party)
