"""The software bill of materials, CycloneDX 1.6: what is inside a package, to the version."""

import email.parser
import json
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from packaging.utils import canonicalize_name

from deploy.packages.wheelhouse import sha256

SPACE: Final = uuid.UUID("8d6f3c1e-5a0b-5c55-9d7e-2f6f1f5f7a10")
"""Serial numbers are derived in it: the same parts have the same one."""


NOTICES: Final = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One component: where it comes from as a package URL, its licence, the digests of its files.

    `notices`: file name and text of each of its licences, as they came.
    """

    name: str
    version: str
    purl: str
    licence: str
    sha256s: tuple[str, ...]
    notices: tuple[tuple[str, str], ...] = ()


def wheel_part(wheel: Path) -> Part:
    """A wheel, by its own metadata."""
    with zipfile.ZipFile(wheel) as archive:
        (record,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        folder = zipfile.Path(archive, record.removesuffix("METADATA"))
        return _described(folder, (sha256(wheel),))


def installed_part(metadata: Path) -> Part:
    """A distribution that is installed here, by its `.dist-info` folder."""
    return _described(metadata, ())


def debian_part(name: str, version: str, architecture: str, copyright_text: str) -> Part:
    """A package of Debian; its licences stand in its own copyright file."""
    return Part(
        name=name,
        version=version,
        purl=f"pkg:deb/debian/{name}@{quote(version, safe='')}?arch={architecture}",
        licence="as stated in its copyright file",
        sha256s=(),
        notices=(("copyright", copyright_text),),
    )


def bill(version: str, machine: str, parts: Sequence[Part], made_at: str) -> str:
    """The bill as JSON, the same for the same parts."""
    inside = _each_once(parts)
    root = f"pkg:generic/kashi-agent@{version}?arch={machine}"
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(int(made_at), UTC).isoformat(),
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "kashi-agent",
                "version": version,
                "purl": root,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": [_component(part) for part in inside],
        "dependencies": [{"ref": root, "dependsOn": [part.purl for part in inside]}],
    }
    said = json.dumps(document, sort_keys=True)
    document["serialNumber"] = uuid.uuid5(SPACE, said).urn
    return json.dumps(document, indent=2) + "\n"


def write_notices(parts: Iterable[Part], folder: Path) -> None:
    """Write every part's licence texts below a folder: what is passed on keeps its notices."""
    for part in parts:
        for name, text in part.notices:
            place = folder / part.name
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, encoding="utf-8")


def _described(metadata: Path | zipfile.Path, sha256s: tuple[str, ...]) -> Part:
    text = (metadata / "METADATA").read_text(encoding="utf-8")
    fields = email.parser.Parser().parsestr(text, headersonly=True)
    name, version = canonicalize_name(fields["Name"]), fields["Version"]
    return Part(
        name=name,
        version=version,
        purl=f"pkg:pypi/{name}@{version}",
        licence=_licence(fields["License-Expression"], fields["License"]),
        sha256s=sha256s,
        notices=tuple(_notices(metadata)),
    )


def _notices(metadata: Path | zipfile.Path) -> Iterator[tuple[str, str]]:
    for folder in (metadata, metadata / "licenses", metadata / "licenses" / "LICENSES"):
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_file() and path.name.upper().startswith(NOTICES):
                yield path.name, path.read_text(encoding="utf-8", errors="replace")


def _each_once(parts: Iterable[Part]) -> list[Part]:
    """The parts in order; a need with a wheel for each interpreter is one part of many files."""
    merged: dict[str, Part] = {}
    for part in parts:
        known = merged.get(part.purl, part).sha256s
        digests = tuple(sorted({*known, *part.sha256s}))
        merged[part.purl] = replace(part, sha256s=digests)
    return [merged[purl] for purl in sorted(merged)]


def _component(part: Part) -> dict[str, Any]:
    digests = [{"alg": "SHA-256", "content": digest} for digest in part.sha256s]
    return {
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
        "licenses": [{"license": {"name": part.licence}}],
        **({"hashes": digests} if digests else {}),
    }


def _licence(expression: str | None, text: str | None) -> str:
    # Older metadata hold the licence's whole text; its first line names it.
    return expression or (text or "").partition("\n")[0].strip() or "as stated in its notices"
