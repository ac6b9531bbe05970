"""Where a stated line comes from: the attestation and the file behind it."""

from dataclasses import dataclass, fields

from kashi_server.errors import InvalidValue

DIGEST_DIGITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedOrigin:
    """The attestation of a line of level E1, and the hash of the file it was read from.

    `records` are how many rows of the file the line sums up; `source_lines` the first and the last
    of them, counted from 1.
    """

    attestation_id: str
    kind: str
    site: str
    source_sha256: str
    records: int
    source_lines: tuple[int, int]

    def __post_init__(self) -> None:
        """Refuse an origin that leads nowhere."""
        if len(self.source_sha256) != DIGEST_DIGITS or not self.attestation_id:
            raise InvalidValue(
                "声明的明细须写明其用量声明与源文件的散列值。"
                "a stated line names its attestation and the hash of its source"
            )
        first, last = self.source_lines
        if self.records < 1 or not 1 <= first <= last:
            raise InvalidValue(
                "声明的明细须写明它汇总了哪些行。a stated line names the rows it sums up"
            )

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**said, "source_lines": list(self.source_lines)}
