"""What a step found, in both languages; the precise words of a failure are its exception's."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Detail:
    """One sentence, Chinese first."""

    zh: str
    en: str


DOCUMENT: Final = Detail("文件", "the document")
SIGNER: Final = Detail("文件签名者", "the document's signer")
SERVER: Final = Detail("服务器", "the server")
CHECKPOINT: Final = Detail("检查点", "the checkpoint")


def line_named(number: object) -> Detail:
    """How messages call a line of a statement."""
    return Detail(f"第 {number} 行", f"line {number}")


def report_named(host_id: str, epoch: int, sequence: int) -> Detail:
    """How messages call a report."""
    place = f"{epoch}-{sequence}"
    return Detail(f"主机 {host_id} 的报告 {place}", f"report {place} of host {host_id}")


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its English noun; `many` where the plural is more than an s."""
    return f"{count} {one if count == 1 else many or one + 's'}"
