"""Sources, attestations and stated records in the database."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    insert,
    or_,
    select,
)

from kashi_server.domain.attestation import (
    Attestation,
    AttestationState,
    SourceKind,
    StatedRecord,
)
from kashi_server.domain.device import Vendor
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.errors import StorageError
from kashi_server.services.evidence_port import (
    AttestationChange,
    ReversalWord,
    StoredAttestation,
)
from kashi_server.storage.stated_lists import StatedLists
from kashi_server.storage.tables.evidence import (
    attestation_changes,
    attestation_reversals,
    attestations,
    stated_records,
    usage_sources,
)

_RECORD = ("key", "unit_id", "model", "cards", "start_utc_ms", "end_utc_ms", "stated_ms", "line")
_HEAD = ("site", "contract_id", "provider_id", "user_id", "source_name", "source_sha256")
_MORE = ("mapping_sha256", "counted_by")


class StatedRepository(StatedLists):
    """Speaks through one connection; see `services.evidence_port`."""

    def has_source(self, sha256: str) -> bool:
        """The bytes are kept already."""
        query = select(usage_sources.c.sha256).where(usage_sources.c.sha256 == sha256)
        return self._connection.execute(query).one_or_none() is not None

    def add_source(self, sha256: str, content: bytes, received_utc_ms: int) -> None:
        """Keep bytes under their hash."""
        self._connection.execute(
            insert(usage_sources).values(
                sha256=sha256,
                size_bytes=len(content),
                content=zlib.compress(content),
                received_utc_ms=received_utc_ms,
            )
        )

    def source(self, sha256: str) -> bytes | None:
        """Kept bytes.

        Raises:
            StorageError: what is kept is damaged.
        """
        query = select(usage_sources.c.content).where(usage_sources.c.sha256 == sha256)
        found = self._connection.execute(query).scalar_one_or_none()
        try:
            return None if found is None else zlib.decompress(bytes(found))
        except zlib.error as error:
            raise StorageError(
                f"源文件 {sha256} 已损坏。source file {sha256} is damaged: {error}"
            ) from error

    def sources(self) -> Sequence[str]:
        """The hashes of all kept files."""
        query = select(usage_sources.c.sha256).order_by(usage_sources.c.sha256)
        return list(self._connection.execute(query).scalars())

    def add(self, attestation: Attestation, stated_utc_ms: int) -> None:
        """Add an attestation with its records."""
        said = {name: getattr(attestation, name) for name in (*_HEAD, *_MORE)}
        self._connection.execute(
            insert(attestations).values(
                attestation_id=attestation.attestation_id,
                kind=str(attestation.kind),
                vendor=int(attestation.vendor),
                start_utc_ms=attestation.start_utc_ms,
                end_utc_ms=attestation.end_utc_ms,
                card_ms=attestation.card_ms,
                stated_utc_ms=stated_utc_ms,
                **said,
            )
        )
        rows = [
            {
                "attestation_id": attestation.attestation_id,
                "identified": int(record.identified),
                **{name: getattr(record, name) for name in _RECORD},
            }
            for record in attestation.records
        ]
        self._connection.execute(insert(stated_records), rows)

    def change(self, change: AttestationChange) -> None:
        """Countersign or withdraw; once."""
        self._connection.execute(
            insert(attestation_changes).values(
                attestation_id=change.attestation_id,
                state=str(change.state),
                party_id=change.party_id,
                actor=change.actor,
                reason=change.reason,
                changed_utc_ms=change.utc_ms,
            )
        )

    def add_reversal(self, word: ReversalWord) -> None:
        """Add a word that a countersigned one is taken back; once a speaker."""
        self._connection.execute(
            insert(attestation_reversals).values(
                attestation_id=word.attestation_id,
                speaker=word.speaker,
                party_id=word.party_id,
                actor=word.actor,
                reason=word.reason,
                reversed_utc_ms=word.utc_ms,
            )
        )

    def attestation(self, attestation_id: str) -> StoredAttestation | None:
        """One attestation."""
        query = _heads().where(attestations.c.attestation_id == attestation_id)
        return next(iter(self._stored(query)), None)

    def attestations(self, party_id: str | None = None) -> Sequence[StoredAttestation]:
        """All, or those of one party on either side, as they were stated."""
        query = _heads()
        if party_id is not None:
            query = query.where(
                or_(attestations.c.provider_id == party_id, attestations.c.user_id == party_id)
            )
        return self._stored(query)

    def countersigned(self, start: int, end: int) -> Sequence[StoredAttestation]:
        """Those that were countersigned, with time in the UTC minutes [start, end); some of them
        may have been taken back since."""
        query = _heads().where(
            attestation_changes.c.state == str(AttestationState.COUNTERSIGNED),
            attestations.c.start_utc_ms < end * MINUTE_MS,
            attestations.c.end_utc_ms > start * MINUTE_MS,
        )
        return self._stored(query)

    def standing(
        self, start_utc_ms: int, end_utc_ms: int
    ) -> Iterator[tuple[StoredAttestation, StatedRecord]]:
        """Records that touch [start, end) of attestations that stand."""
        query = _heads().where(
            _not_withdrawn(),
            attestations.c.start_utc_ms < end_utc_ms,
            attestations.c.end_utc_ms > start_utc_ms,
        )
        for stored in self._standing(query):
            for record in stored.attestation.records:
                if record.start_utc_ms < end_utc_ms and record.end_utc_ms > start_utc_ms:
                    yield stored, record

    def standing_of(self, provider_id: str, source_sha256: str) -> Sequence[StoredAttestation]:
        """A provider's attestations of one source file that stand."""
        query = _heads().where(
            _not_withdrawn(),
            attestations.c.provider_id == provider_id,
            attestations.c.source_sha256 == source_sha256,
        )
        return self._standing(query)

    def _standing(self, query: Select[Any]) -> list[StoredAttestation]:
        return [one for one in self._stored(query) if one.state.stands]

    def _stored(self, query: Select[Any]) -> list[StoredAttestation]:
        return [self._one(row) for row in self._connection.execute(query).all()]

    def _one(self, row: Row[Any]) -> StoredAttestation:
        records = select(stated_records).where(
            stated_records.c.attestation_id == row.attestation_id
        )
        attestation = Attestation(
            kind=SourceKind(row.kind),
            vendor=Vendor(row.vendor),
            records=tuple(_record(one) for one in self._connection.execute(records)),
            **{name: getattr(row, name) for name in (*_HEAD, *_MORE)},
        )
        return StoredAttestation(
            attestation=attestation,
            stated_utc_ms=row.stated_utc_ms,
            change=_change(row),
            words=self._words(row.attestation_id) if row.state is not None else (),
        )

    def _words(self, attestation_id: str) -> tuple[ReversalWord, ...]:
        words = attestation_reversals.c
        query = (
            select(attestation_reversals)
            .where(words.attestation_id == attestation_id)
            .order_by(words.reversed_utc_ms, words.speaker)
        )
        return tuple(
            ReversalWord(
                attestation_id=row.attestation_id,
                party_id=row.party_id,
                actor=row.actor,
                reason=row.reason,
                utc_ms=row.reversed_utc_ms,
            )
            for row in self._connection.execute(query)
        )


def _heads() -> Select[Any]:
    changes = attestation_changes.c
    return (
        select(
            attestations,
            changes.state,
            changes.party_id,
            changes.actor,
            changes.reason,
            changes.changed_utc_ms,
        )
        .outerjoin(attestation_changes, changes.attestation_id == attestations.c.attestation_id)
        .order_by(attestations.c.stated_utc_ms, attestations.c.attestation_id)
    )


def _not_withdrawn() -> ColumnElement[bool]:
    return or_(
        attestation_changes.c.state.is_(None),
        attestation_changes.c.state != str(AttestationState.WITHDRAWN),
    )


def _record(row: Row[Any]) -> StatedRecord:
    return StatedRecord(
        identified=bool(row.identified), **{name: getattr(row, name) for name in _RECORD}
    )


def _change(row: Row[Any]) -> AttestationChange | None:
    if row.state is None:
        return None
    return AttestationChange(
        attestation_id=row.attestation_id,
        state=AttestationState(row.state),
        party_id=row.party_id,
        actor=row.actor,
        reason=row.reason,
        utc_ms=row.changed_utc_ms,
    )
