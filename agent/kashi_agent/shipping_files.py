"""The way to the server for a host that reaches nobody: reports wait in the spool until `export`
writes them to a file, receipts come back in files that `import-receipts` puts into the inbox.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kashi import chain
from kashi.carry import CarryFile
from kashi.chain import NO_HEAD, Head
from kashi.errors import ContractError, FormError
from kashi.v1 import carry_pb2

from kashi_agent.durable import remove_durable
from kashi_agent.shipping import Answer, Result, Verdict

RECEIPTS_BYTES_MAX: Final = 32 << 20
"""Receipts of one host in one file: those of 35 days of reports a minute take half of it."""

_LOG = logging.getLogger(__name__)


class FilesWire:
    """Implements `Wire` without a connection; what it says is for a `CarriedShipper`."""

    def __init__(self, inbox: Path, host_id: str) -> None:
        self._inbox = inbox
        self._host_id = host_id
        self._brought: tuple[Path, int, Answer] | None = None
        """The last file that was read, which one it was by its inode, and what it held."""
        self._untaken: set[Path] = set()
        self._given = NO_HEAD

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """Count reports as ready to be exported; bring what lies in the inbox, a file a call.

        A file is removed by the call after, if what it brought was taken. Else (a full disk) it
        stays and is brought again, when no other waits.
        """
        self._let_go()
        if reports:
            _, header = chain.parse_report(reports[-1])
            self._given = Head(header.epoch, header.sequence, bytes(32))
        results = (Result(Verdict.RELAYED),) * len(reports)
        for path in self._waiting():
            try:
                inode = path.stat().st_ino
                answer = answer_in(path, self._host_id, results, self._given)
            except OSError as error:
                said = "%s 的回执未取用。Receipts are passed over: %s"
                _LOG.warning(said, path, error.strerror)
                continue
            except ContractError:  # sound when it was put there; what it holds can be brought again
                answer = Answer(results=results, head=self._given)
            self._brought = path, inode, answer
            return answer
        return Answer(results=results, head=self._given)

    def _waiting(self) -> list[Path]:
        found = self._inbox.glob("*.receipts")
        return sorted(found, key=lambda path: (path in self._untaken, path.name))

    def _let_go(self) -> None:
        """Remove the file that was brought last, if it was taken: it alone, and not what was put in
        its place meanwhile, under a name that exports may well repeat."""
        if self._brought is None:
            return
        path, inode, answer = self._brought
        if not answer.settled.is_set():
            self._untaken.add(path)
        else:
            if path.exists() and path.stat().st_ino == inode:
                remove_durable(path)
            self._untaken.discard(path)
        self._brought = None

    def close(self) -> None:
        """Nothing is open."""


def answer_in(
    path: Path, host_id: str, results: tuple[Result, ...] = (), head: Head = NO_HEAD
) -> Answer:
    """What a file with receipts holds for a host.

    Raises:
        kashi.errors.FormError: it is no such file, or holds more for one host than can be;
        OSError: it cannot be read.
    """
    file = CarryFile(path, carry_pb2.CARRY_KIND_RECEIPTS)
    receipts: list[bytes] = []
    size = 0
    notice = checkpoint = b""
    for _, record in file.records():
        if record.WhichOneof("record") == "answer" and record.answer.host_id == host_id:
            receipts.extend(record.answer.answer.receipts)
            size += sum(map(len, record.answer.answer.receipts))
            if size > RECEIPTS_BYTES_MAX:
                raise FormError(
                    f"{path}：receipts：一台主机的回执超过 {RECEIPTS_BYTES_MAX} 字节。"
                    f"{path}: receipts: over {RECEIPTS_BYTES_MAX} bytes for one host"
                )
            notice = record.answer.answer.notice or notice
            checkpoint = record.answer.answer.checkpoint or checkpoint
    return Answer(
        results=results,
        head=head,
        checkpoint=checkpoint,
        receipts=tuple(receipts),
        notice=notice,
    )
