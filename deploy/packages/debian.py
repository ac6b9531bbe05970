"""Which of Debian's packages files of this machine belong to."""

from collections.abc import Iterable
from pathlib import Path

from deploy.packages.commands import run
from deploy.packages.locked import PackagingError
from deploy.packages.sbom import Part, debian_part

DOCUMENTS = Path("/usr/share/doc")


def debian_parts(taken: Iterable[Path]) -> list[Part]:
    """The packages, each once.

    Raises:
        PackagingError: a file belongs to none; nobody could say later what it was.
    """
    names = sorted({_owner(path) for path in taken})
    shown = "${Package}\t${Version}\t${Architecture}\n"
    lines = run("dpkg-query", "--show", f"--showformat={shown}", *names, cwd=DOCUMENTS)
    return [
        debian_part(name, version, architecture, _notice(name))
        for name, version, architecture in (line.split("\t") for line in lines.splitlines())
    ]


def _owner(path: Path) -> str:
    # Debian lists some files where they stood before /lib became a link to /usr/lib.
    for written in (path, Path("/", *path.parts[2:])):
        try:
            said = run("dpkg-query", "--search", written, cwd=DOCUMENTS)
        except PackagingError:
            continue
        return said.partition(": ")[0]
    raise PackagingError(f"{path} belongs to no package of Debian; the packages bring no such file")


def _notice(package: str) -> str:
    return (DOCUMENTS / package / "copyright").read_text(encoding="utf-8", errors="replace")
