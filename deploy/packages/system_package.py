"""`.deb` and `.rpm` around a frozen agent, by nfpm."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from deploy.packages.commands import MADE_AT, run
from deploy.packages.freeze import HOME, Frozen
from deploy.packages.staging import Staged

HERE: Final = Path(__file__).parent
SCRIPTS: Final = HERE / "system"
PROGRAMS: Final = ("kashi-agent", "kashi-meter")
DESCRIPTION: Final = """\
Kashi's agent: card-hours of this host, measured, signed and shipped
Measures how long the accelerators of this host were held, busy and idle, and
reports it, signed and chained, to one Kashi server. Nothing starts before
`kashi-agent enrol`.
"""


def system_package(
    kind: str, frozen: Frozen, staged: Staged, *, version: str, made_at: str, out: Path
) -> Path:
    """Make one package, `deb` or `rpm`, into the folder `out`."""
    work = staged.root.parent
    described = work / f"nfpm-{kind}.json"
    contents = _contents(frozen, staged)
    described.write_text(json.dumps(_description(contents, version, made_at)), encoding="utf-8")
    for place in (frozen.folder, staged.root, staged.settings):
        _even_out(place, int(made_at))
    before = set(out.iterdir())
    run(
        *(frozen.nfpm, "package", "--config", described, "--packager", kind),
        *("--target", f"{out}/"),
        cwd=work,
        environment={MADE_AT: made_at},
    )
    (made,) = set(out.iterdir()) - before
    return made


def _even_out(place: Path, seconds: int) -> None:
    """Give everything here one instant and the modes everybody can use.

    The same tree makes the same package, whoever made it; and the agent's user, who is not the one
    that unpacks it, can read what a maker with a strict umask checked out.
    """
    for path in (place, *place.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (seconds, seconds), follow_symlinks=False)


def _description(contents: list[dict[str, str]], version: str, made_at: str) -> dict[str, Any]:
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
        "contents": contents,
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


def _contents(frozen: Frozen, staged: Staged) -> list[dict[str, str]]:
    def placed(source: Path, target: str | Path, kind: str = "") -> dict[str, str]:
        return {"src": str(source), "dst": str(target), "type": kind}

    # File by file: a package that owned /usr/lib would quarrel with the one that does.
    files = sorted(path for path in staged.root.rglob("*") if path.is_file())
    return [
        placed(frozen.folder, HOME, "tree"),
        *(placed(HOME / name, f"/usr/bin/{name}", "symlink") for name in PROGRAMS),
        placed(staged.settings, "/etc/kashi/agent.toml", "config|noreplace"),
        *(placed(path, Path("/", path.relative_to(staged.root))) for path in files),
    ]
