"""What the database knows of evidence files; their bytes stand in `filestore`."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from kashi_server.domain.evidence_file import EvidenceFile, StoredFile, Subject, SubjectKind
from kashi_server.storage.tables.papers import evidence_files


class EvidenceFileRepository:
    """Speaks through one connection; see `services.papers_port`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def files(
        self,
        *,
        owner_id: str | None = None,
        subject: Subject | None = None,
        sha256: str | None = None,
    ) -> Sequence[EvidenceFile]:
        """Files in the order in which they were added."""
        columns = evidence_files.c
        query = select(evidence_files).order_by(columns.file_id)
        if owner_id is not None:
            query = query.where(columns.owner_id == owner_id)
        if subject is not None:
            query = query.where(
                columns.subject_kind == subject.kind.value, columns.subject == subject.name
            )
        if sha256 is not None:
            query = query.where(columns.sha256 == sha256)
        return [_file(row) for row in self._connection.execute(query)]

    def add(self, file: EvidenceFile) -> None:
        """Add a file."""
        self._connection.execute(
            insert(evidence_files).values(
                sha256=file.file.sha256,
                size_bytes=file.file.size_bytes,
                media_type=file.file.media_type,
                owner_id=file.owner_id,
                subject_kind=file.subject.kind.value,
                subject=file.subject.name,
                name=file.name,
                added_by=file.added_by,
                added_utc_ms=file.added_utc_ms,
            )
        )


def _file(row: Row[Any]) -> EvidenceFile:
    return EvidenceFile(
        file=StoredFile(sha256=row.sha256, size_bytes=row.size_bytes, media_type=row.media_type),
        owner_id=row.owner_id,
        subject=Subject(kind=SubjectKind(row.subject_kind), name=row.subject),
        name=row.name,
        added_by=row.added_by,
        added_utc_ms=row.added_utc_ms,
    )
