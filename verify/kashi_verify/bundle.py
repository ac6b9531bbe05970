"""The evidence bundle: a zip file read member by member, bounded before and while it is read."""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from kashi_verify.findings import CheckFailed
from kashi_verify.limits import (
    BUNDLE_BYTES_MAX,
    BUNDLE_UNPACKED_BYTES_MAX,
    MEMBER_BYTES_MAX,
    MEMBERS_MAX,
    MESSAGE_BYTES_MAX,
    RATIO_MAX,
)

_HOST: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MEMBER: Final = re.compile(
    r"(certificate|statement|evidence|rules|summary|superseded)\.json|lines\.csv"
    rf"|(reports|receipts)/{_HOST}\.bin"
    r"|rules-[0-9a-f]{64}\.json|proofs/inclusion\.json|checkpoint\.bin|certificates/(server|documents)\.pem"
)
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 1


class Bundle:
    """An open bundle whose table of contents was checked."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.names = frozenset(_checked_names(archive))

    def read(self, name: str, size_max: int) -> bytes:
        """A whole member.

        Raises:
            CheckFailed: it is missing, broken or larger than `size_max`.
        """
        with self._open(name) as member:
            try:
                content = member.read(size_max + 1)
            except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
                raise CheckFailed(
                    f"证据包中的 {name} 已损坏。{name} in the bundle is broken: {error}"
                ) from error
        if len(content) > size_max:
            raise CheckFailed(
                f"证据包中的 {name} 超过 {size_max} 字节。"
                f"{name} in the bundle exceeds {size_max} bytes"
            )
        return content

    def messages(self, name: str) -> Iterator[bytes]:
        """Messages of a member, each behind its length as a varint, one at a time."""
        with self._open(name) as member:
            try:
                while (length := _read_length(member)) is not None:
                    message = member.read(length)
                    if len(message) != length:
                        raise CheckFailed(
                            f"证据包中的 {name} 在一条消息中间结束。"
                            f"{name} in the bundle ends inside a message"
                        )
                    yield message
            except (zipfile.BadZipFile, OSError, EOFError) as error:
                raise CheckFailed(
                    f"证据包中的 {name} 已损坏。{name} in the bundle is broken: {error}"
                ) from error

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        if name not in self.names:
            raise CheckFailed(f"证据包中没有 {name}。{name} is not in the bundle")
        try:
            member = self._archive.open(name)
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
            raise CheckFailed(
                f"证据包中的 {name} 打不开。{name} in the bundle cannot be opened: {error}"
            ) from error
        with member:
            yield member


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a bundle and check its table of contents.

    Raises:
        CheckFailed: it is no zip file, too large, or holds what no bundle holds.
    """
    if path.stat().st_size > BUNDLE_BYTES_MAX:
        raise CheckFailed(
            f"证据包超过 {BUNDLE_BYTES_MAX} 字节。The bundle exceeds {BUNDLE_BYTES_MAX} bytes"
        )
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise CheckFailed(f"证据包不是 zip 文件。The bundle is not a zip file: {error}") from error
    with archive:
        yield Bundle(archive)


def _checked_names(archive: zipfile.ZipFile) -> list[str]:
    members = archive.infolist()
    if len(members) > MEMBERS_MAX:
        raise CheckFailed(
            f"证据包有 {len(members)} 个文件，最多 {MEMBERS_MAX} 个。"
            f"The bundle holds {len(members)} files; at most {MEMBERS_MAX}"
        )
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise CheckFailed("证据包中有重复的文件名。A name stands twice in the bundle")
    for member in members:
        if _MEMBER.fullmatch(member.filename) is None:
            raise CheckFailed(
                f"“{member.filename}”不应在证据包中。'{member.filename}' has no place in a bundle"
            )
        if member.compress_type not in _METHODS or member.flag_bits & _ENCRYPTED:
            raise CheckFailed(
                f"{member.filename} 的打包方式与证据包不符。"
                f"{member.filename} is packed in another way than bundles are"
            )
        ratio = member.file_size // max(1, member.compress_size)
        if member.file_size > MEMBER_BYTES_MAX or ratio > RATIO_MAX:
            raise CheckFailed(
                f"{member.filename} 解开后为 {member.file_size} 字节。"
                f"{member.filename} would unpack to {member.file_size} bytes"
            )
    if sum(member.file_size for member in members) > BUNDLE_UNPACKED_BYTES_MAX:
        raise CheckFailed(
            "证据包解开后超过任何证据包的大小。"
            "The bundle would unpack to more than any bundle's bytes"
        )
    return names


def _read_length(member: IO[bytes]) -> int | None:
    length = shift = 0
    while True:
        read = member.read(1)
        if not read:
            if shift:
                raise CheckFailed("消息流在长度中间结束。A stream of messages ends inside a length")
            return None
        length |= (read[0] & 0x7F) << shift
        if length > MESSAGE_BYTES_MAX or shift > 21:
            raise CheckFailed(
                f"证据包中有消息超过 {MESSAGE_BYTES_MAX} 字节。"
                f"A message in the bundle exceeds {MESSAGE_BYTES_MAX} bytes"
            )
        if read[0] < 0x80:
            return length
        shift += 7
