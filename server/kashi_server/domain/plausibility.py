"""Doubts about a host's figures, raised from the facts it states. Pure; nothing is decided here.

A doubt is shown to those who watch the host and stands among a statement's flags. It changes no
figure, holds no host and refuses no report: each has an honest explanation as well, and the
sentence says what was found, not what it means.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

from kashi_server.domain.doubt import Doubt, DoubtCode
from kashi_server.domain.stated_fact import StatedFact, in_order

LIMIT_MARGIN_PERCENT: Final = 105
"""Energy above the limit times the time by more than this is no measurement."""
ENERGY_RATIO_MAX: Final = 3
"""Counter and integrated power of honest devices have been seen to differ by two."""
BUSY_PPM: Final = 900_000
IDLE_SHARE: Final = 8
"""A busy device draws more than an eighth of its limit; idle ones draw about a tenth."""
VENDOR_IDS: Final = frozenset({"10de", "19e5"})

_LIBRARY_VERSION: Final = re.compile(r"\.so\.(\d+\.\d+(?:\.\d+)*)(?: |$)")
_LOADED: Final = ("ld_audit", "ld_preload", "ld_so_preload")
_NOT_FOUND: Final = "not_found"


Facts = Mapping[str, StatedFact]
"""By name, as they stand at one instant."""


def doubts(facts: Iterable[StatedFact]) -> tuple[Doubt, ...]:
    """Every doubt of one host's facts, each with its latest words, in order.

    Facts are applied in order of time; after each instant what then stands is looked at. The same
    facts give the same doubts in whatever order they come.
    """
    stand: dict[str, dict[str, StatedFact]] = {"": {}}
    found: dict[tuple[str, DoubtCode], Doubt] = {}
    for utc_ms, told in groupby(in_order(facts), key=lambda fact: fact.utc_ms):
        changed = {""}
        for fact in told:
            stand.setdefault(fact.hardware_id, {})[fact.name] = fact
            changed.add(fact.hardware_id)
        for hardware_id in sorted(changed):
            own = stand[hardware_id]
            raised = _of_device(hardware_id, own, stand[""]) if hardware_id else _of_host(own)
            for code, detail in raised:
                before = found.get((hardware_id, code))
                found[hardware_id, code] = Doubt(
                    hardware_id=hardware_id,
                    code=code,
                    detail=detail,
                    first_utc_ms=utc_ms if before is None else before.first_utc_ms,
                    last_utc_ms=utc_ms,
                )
            own.pop("energy", None)  # of a time that is over: it does not stand on
    return tuple(sorted(found.values()))


def _of_host(facts: Facts) -> Iterator[tuple[DoubtCode, str]]:
    path = _value(facts, "library_path")
    loaded = [f"{name}={value}" for name in _LOADED if (value := _value(facts, name))]
    # A package may point the loader at its own folder; what matters is whose library came of it.
    folders = [folder for folder in _value(facts, "ld_library_path").split(":") if folder]
    loaded += [f"ld_library_path={one}" for one in folders if path.startswith(f"{one}/")]
    if loaded:
        yield DoubtCode.LIBRARY_REDIRECTED, "; ".join(loaded)
    owner = _value(facts, "library_owner")
    if owner not in ("", "root-only"):
        yield DoubtCode.LIBRARY_WRITABLE, owner
    if "(deleted)" in path or sum(part.startswith("/") for part in path.split()) > 1:
        yield DoubtCode.LIBRARY_REPLACED, path
    yield from _of_versions(facts, path)
    hidden = _value(facts, "gpus_unlisted") or _value(facts, "npus_unlisted")
    if hidden:
        yield DoubtCode.DEVICE_HIDDEN, hidden


def _of_versions(facts: Facts, path: str) -> Iterator[tuple[DoubtCode, str]]:
    of_file = _LIBRARY_VERSION.search(path)
    versions = {
        "library": _value(facts, "driver_library"),
        "library file": "" if of_file is None else of_file[1],
        "kernel": _value(facts, "driver_proc"),
        "module": _value(facts, "driver_module"),
    }
    known = {name: version for name, version in versions.items() if version}
    if len(set(known.values())) > 1:
        said = ", ".join(f"{name} {version}" for name, version in known.items())
        yield DoubtCode.DRIVER_VERSIONS_DIFFER, said
    if versions["library"] and _missing(facts, "driver_proc") and _missing(facts, "driver_module"):
        yield DoubtCode.DRIVER_UNKNOWN, f"library {versions['library']}"


def _of_device(hardware_id: str, facts: Facts, host: Facts) -> Iterator[tuple[DoubtCode, str]]:
    if _value(host, "driver_proc") and _missing(facts, "proc_uuid"):
        yield DoubtCode.DEVICE_UNKNOWN, "/proc/driver/nvidia/gpus"
    elif _missing(facts, "pci"):
        yield DoubtCode.DEVICE_UNKNOWN, "/sys/bus/pci/devices"
    said, pci = _value(facts, "proc_uuid"), _value(facts, "pci")
    if said and said != hardware_id:
        yield DoubtCode.DEVICE_DISAGREES, f"/proc/driver/nvidia: {said}"
    elif pci and pci.partition(":")[0] not in VENDOR_IDS:
        yield DoubtCode.DEVICE_DISAGREES, f"PCI {pci}"
    if "energy" in facts:
        yield from _of_energy(facts["energy"])
    if "processes" in facts:
        yield from _of_processes(facts["processes"])


def _of_energy(fact: StatedFact) -> Iterator[tuple[DoubtCode, str]]:
    said, text = fact.numbers, fact.value or ""
    span_ms, limit_mw = said.get("span_ms", 0), said.get("limit_mw", 0)
    counted, integrated = said.get("counted_mj"), said.get("integrated_mj")
    used_mj = integrated if counted is None else counted
    if used_mj is not None and span_ms and limit_mw:
        # Milliwatts times milliseconds are microjoules.
        whole_uj, used_uj = limit_mw * span_ms, used_mj * 1_000
        if used_uj * 100 > whole_uj * LIMIT_MARGIN_PERCENT:
            yield DoubtCode.ENERGY_ABOVE_LIMIT, text
        if said.get("utilised_ppm", 0) >= BUSY_PPM and used_uj * IDLE_SHARE < whole_uj:
            yield DoubtCode.BUSY_WITHOUT_POWER, text
    if counted is not None and integrated is not None:
        low, high = sorted((counted, integrated))
        if high > low * ENERGY_RATIO_MAX:
            yield DoubtCode.ENERGY_DISAGREES, text


def _of_processes(fact: StatedFact) -> Iterator[tuple[DoubtCode, str]]:
    said = fact.numbers
    if said.get("listed", 0) > said.get("holding", 0) + said.get("unreadable", 0):
        yield DoubtCode.PROCESSES_WITHOUT_DEVICE, fact.value or ""


def _value(facts: Facts, name: str) -> str:
    """A fact's text; empty where it is not stated or cannot be told."""
    fact = facts.get(name)
    return "" if fact is None else fact.value or ""


def _missing(facts: Facts, name: str) -> bool:
    """Stated to be nowhere, which is not the same as not stated."""
    fact = facts.get(name)
    return fact is not None and fact.value is None and fact.reason == _NOT_FOUND
