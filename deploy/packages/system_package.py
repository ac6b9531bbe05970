"""`.deb` and `.rpm` around a frozen agent, by nfpm."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from deploy.packages.commands import MADE_AT, run
from deploy.packages.freeze import HOME

HERE: Final = Path(__file__).parent
SCRIPTS: Final = HERE / "system"
DOCUMENTS: Final = "/usr/share/doc/kashi-agent"
DESCRIPTION: Final = """\
Kashi's agent: card-hours of this host, measured, signed and shipped
Measures how long the accelerators of this host were held, busy and idle, and
reports it, signed and chained, to one Kashi server. Nothing starts before
`kashi-agent enrol`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What goes in beside the frozen folder, as files that exist."""

    frozen: Path
    settings: Path
    units: tuple[Path, ...]
    documents: tuple[Path, ...]
    notices: Path


def system_package(
    kind: str, payload: Payload, *, version: str, made_at: str, nfpm: Path, out: Path
) -> Path:
    """Make one package, `deb` or `rpm`, into the folder `out`."""
    described = payload.frozen.parent / f"nfpm-{kind}.json"
    described.write_text(json.dumps(_description(payload, version, made_at)), encoding="utf-8")
    for folder in (payload.frozen, payload.notices):
        _date(folder, int(made_at))
    before = set(out.iterdir())
    run(
        *(nfpm, "package", "--config", described, "--packager", kind, "--target", f"{out}/"),
        cwd=payload.frozen.parent,
        environment={MADE_AT: made_at},
    )
    (made,) = set(out.iterdir()) - before
    return made


def _date(folder: Path, seconds: int) -> None:
    """Give everything below a folder one instant: the same tree makes the same package."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (seconds, seconds), follow_symlinks=False)


def _description(payload: Payload, version: str, made_at: str) -> dict[str, Any]:
    """What nfpm is told; JSON is YAML."""
    return {
        "name": "kashi-agent",
        "arch": "amd64",
        "platform": "linux",
        "version": version,
        "release": "1",
        "section": "admin",
        "maintainer": "Kashi maintainers <maintainers@kashi.invalid>",
        "description": DESCRIPTION,
        "license": "Apache-2.0",
        "umask": 0o022,
        "mtime": datetime.fromtimestamp(int(made_at), UTC).isoformat(),
        "rpm": {"buildhost": "localhost"},
        "contents": _contents(payload),
        "scripts": {
            "postinstall": str(SCRIPTS / "after-install.sh"),
            "preremove": str(SCRIPTS / "before-remove.sh"),
            "postremove": str(SCRIPTS / "after-remove.sh"),
        },
        "overrides": {
            "deb": {"depends": ["passwd"]},
            "rpm": {"depends": ["shadow-utils", "glibc-common"]},
        },
    }


def _contents(payload: Payload) -> list[dict[str, str]]:
    def placed(source: Path, target: str, kind: str = "") -> dict[str, str]:
        return {"src": str(source), "dst": target, "type": kind}

    programs = ("kashi-agent", "kashi-meter")
    return [
        placed(payload.frozen, str(HOME), "tree"),
        *(placed(HOME / name, f"/usr/bin/{name}", "symlink") for name in programs),
        placed(payload.settings, "/etc/kashi/agent.toml", "config|noreplace"),
        *(placed(unit, f"/usr/lib/systemd/system/{unit.name}") for unit in payload.units),
        *(placed(document, f"{DOCUMENTS}/{document.name}") for document in payload.documents),
        placed(payload.notices, f"{DOCUMENTS}/notices", "tree"),
    ]
