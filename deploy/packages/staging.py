"""The files that every package brings beside the programs, laid out as they will stand."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.packages.sbom import Part, write_notices
from deploy.packages.settings import settings_text

PLACES: Final = {
    "systemd": Path("usr/lib/systemd/system"),
    "generators": Path("usr/lib/systemd/system-generators"),
    "hooks": Path("usr/libexec/kashi"),
}
"""Folder of `deploy/` -> where its files stand on a host."""

SERVER: Final = "kashi-server"
"""The server's own units begin so: they are for the office's machine, not for a host."""

DOCUMENT_PLACE: Final = Path("usr/share/doc/kashi-agent")
DOCUMENTS: Final = ("agent/README.md", "docs/metering.md", "docs/metering.zh.md", "LICENSE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """`root`: a host's root folder as far as the package fills it. `settings`: `agent.toml`."""

    root: Path
    settings: Path


def stage(repository: Path, folder: Path, bill: Path, parts: Sequence[Part]) -> Staged:
    """Lay out everything below an empty folder.

    Raises:
        PackagingError: the agent's README shows no settings.
    """
    root = folder / "root"
    for source, place in PLACES.items():
        for file in sorted((repository / "deploy" / source).iterdir()):
            if not file.name.startswith(SERVER):
                _place(file, root / place)
    for document in (*(repository / name for name in DOCUMENTS), bill):
        _place(document, root / DOCUMENT_PLACE)
    write_notices(parts, root / DOCUMENT_PLACE / "notices")
    settings = folder / "agent.toml"
    settings.write_text(settings_text(repository / "agent" / "README.md"), encoding="utf-8")
    return Staged(root=root, settings=settings)


def _place(file: Path, folder: Path) -> None:
    """Copy a file; programs for everybody, nothing writable but by root."""
    folder.mkdir(parents=True, exist_ok=True)
    placed = Path(shutil.copyfile(file, folder / file.name))
    placed.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
