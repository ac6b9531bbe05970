"""What the agent brings along, as `requirements.lock` pins it: versions and digests, by name."""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURS: Final = frozenset({"kashi-agent", "kashi-proto"})
"""Distributions of this repository: built here, not locked."""


class PackagingError(Exception):
    """A package cannot be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One pinned distribution: its version, the SHA-256 of each of its files, and how it reads."""

    name: str
    version: str
    sha256s: frozenset[str]
    requirement: str

    def __post_init__(self) -> None:
        """Refuse a pin without a digest: anything could be delivered under its name."""
        if not self.sha256s:
            raise PackagingError(f"the lock pins {self.name} without a digest; run `make lock`")


def read_lock(text: str) -> dict[str, Locked]:
    """The pins of a lock file in pip's form, by name."""
    pins: dict[str, Locked] = {}
    for block in text.replace("\\\n", " ").splitlines():
        line = block.partition("#")[0].strip()
        if line and not line.startswith("-"):
            pinned, *digests = line.split(" --hash=sha256:")
            requirement = Requirement(pinned)
            (exactly,) = requirement.specifier
            name = canonicalize_name(requirement.name)
            pins[name] = Locked(
                name=name,
                version=exactly.version,
                sha256s=frozenset(digest.strip() for digest in digests),
                requirement=line,
            )
    return pins


def brought_along(root: str, pins: Mapping[str, Locked], python: str) -> list[Locked]:
    """Every pinned distribution that `root`, installed here, needs on Linux under `python`.

    Raises:
        PackagingError: the lock does not pin one of them.
    """
    # Every machine of ours is asked alike: a wheel needed on one is in the packages of all.
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    found: set[str] = set()
    waiting = [root]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found.add(name)
        needs = map(Requirement, importlib.metadata.requires(name) or [])
        waiting += [
            need.name for need in needs if need.marker is None or need.marker.evaluate(environment)
        ]
    missing = found - OURS - pins.keys()
    if missing:
        raise PackagingError(f"requirements.lock lacks {', '.join(sorted(missing))}: `make lock`")
    return [pins[name] for name in sorted(found - OURS)]
