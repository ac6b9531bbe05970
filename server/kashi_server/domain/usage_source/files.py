"""One door to source files: the mapping's kind says which reader reads."""

from collections.abc import Callable, Mapping
from typing import Final

from kashi_server.domain.attestation import SourceKind
from kashi_server.domain.usage_source.bill import read_bill
from kashi_server.domain.usage_source.mapping import UsageMapping
from kashi_server.domain.usage_source.reading import Reading
from kashi_server.domain.usage_source.series import read_series
from kashi_server.domain.usage_source.slurm import read_slurm

_READERS: Final[Mapping[SourceKind, Callable[[Reading, bytes], Reading]]] = {
    SourceKind.BILL: read_bill,
    SourceKind.SLURM: read_slurm,
    SourceKind.SERIES: read_series,
}


def read_source(mapping: UsageMapping, file: str, content: bytes) -> Reading:
    """Read a source file.

    Args:
        mapping: how.
        file: its name, for messages.
        content: its bytes.

    Raises:
        MistakesFound: every mistake with line and column; nothing of the file is taken.
    """
    return _READERS[mapping.kind](Reading(file=file, mapping=mapping), content)
