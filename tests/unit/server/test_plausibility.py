"""Doubts follow from facts, and from nothing else."""

import itertools
from random import Random

import pytest
from kashi_server.domain.doubt import Doubt, DoubtCode
from kashi_server.domain.plausibility import doubts
from kashi_server.domain.stated_fact import StatedFact, standing, stated_fact

UUID = "GPU-00000001-0000-4000-8000-000000000000"
LIBRARY = "library_path=/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.550.54.15"
CLEAN_HOST = (
    LIBRARY,
    "library_sha256=ab",
    "library_owner=root-only",
    "ld_preload=",
    "ld_audit=",
    "ld_library_path=",
    "ld_so_preload=",
    "driver_library=550.54.15",
    "driver_proc=550.54.15",
    "driver_module=550.54.15",
    "gpus_unlisted=",
)
CLEAN_DEVICE = (
    f"proc_uuid={UUID}",
    "proc_model=NVIDIA H100 80GB HBM3",
    "pci=10de:2330",
    "energy=span_ms:3600000 counted_mj:1080000000 integrated_mj:1080000000 limit_mw:700000",
    "processes=listed:2 holding:1 unreadable:1",
)


def facts(
    host: tuple[str, ...] = CLEAN_HOST, device: tuple[str, ...] = CLEAN_DEVICE, utc_ms: int = 1_000
) -> list[StatedFact]:
    """What a host states at an instant; later details of a name take the place of earlier ones."""
    told = [("", detail) for detail in host] + [(UUID, detail) for detail in device]
    return [
        stated_fact(hardware_id=hardware_id, utc_ms=utc_ms, detail=detail)
        for hardware_id, detail in told
    ]


def without(details: tuple[str, ...], name: str, *more: str) -> tuple[str, ...]:
    """The details with those of a name taken out and others put in."""
    return (*(d for d in details if not d.startswith((f"{name}=", f"{name}?"))), *more)


def codes(found: tuple[Doubt, ...]) -> list[tuple[str, str, str]]:
    """What is doubted, of what, and what was found."""
    return [(doubt.code, doubt.hardware_id, doubt.detail) for doubt in found]


def test_a_clean_host_raises_no_doubt() -> None:
    """Everything agrees: a real machine as it should be."""
    assert doubts(facts()) == ()


@pytest.mark.parametrize(
    ("name", "detail", "code"),
    [
        ("ld_preload", "ld_preload=/opt/x.so", DoubtCode.LIBRARY_REDIRECTED),
        ("ld_audit", "ld_audit=/opt/x.so", DoubtCode.LIBRARY_REDIRECTED),
        (
            "ld_library_path",
            "ld_library_path=/opt:/usr/lib/x86_64-linux-gnu",
            DoubtCode.LIBRARY_REDIRECTED,
        ),
        ("ld_so_preload", "ld_so_preload=/opt/x.so", DoubtCode.LIBRARY_REDIRECTED),
        ("library_owner", "library_owner=/opt uid 7 mode 0755", DoubtCode.LIBRARY_WRITABLE),
        ("library_path", f"{LIBRARY} (deleted)", DoubtCode.LIBRARY_REPLACED),
        ("library_path", f"{LIBRARY} /opt/libnvidia-ml.so.1", DoubtCode.LIBRARY_REPLACED),
        ("driver_library", "driver_library=591.86", DoubtCode.DRIVER_VERSIONS_DIFFER),
        ("driver_proc", "driver_proc=535.104.05", DoubtCode.DRIVER_VERSIONS_DIFFER),
        ("driver_module", "driver_module=535.104.05", DoubtCode.DRIVER_VERSIONS_DIFFER),
        (
            "library_path",
            "library_path=/opt/libnvidia-ml.so.535.104.05",
            DoubtCode.DRIVER_VERSIONS_DIFFER,
        ),
        ("gpus_unlisted", "gpus_unlisted=0000:65:00.0", DoubtCode.DEVICE_HIDDEN),
        ("npus_unlisted", "npus_unlisted=0000:c1:00.0", DoubtCode.DEVICE_HIDDEN),
    ],
)
def test_a_host_that_disagrees_is_doubted(name: str, detail: str, code: DoubtCode) -> None:
    """One thing wrong, one doubt, of the host."""
    found = doubts(facts(host=without(CLEAN_HOST, name, detail)))

    assert [(doubt.code, doubt.hardware_id) for doubt in found] == [(code, "")]


@pytest.mark.parametrize(
    ("name", "detail", "code"),
    [
        ("proc_uuid", "proc_uuid=GPU-another", DoubtCode.DEVICE_DISAGREES),
        ("pci", "pci=1002:744c", DoubtCode.DEVICE_DISAGREES),
        ("proc_uuid", "proc_uuid?not_found", DoubtCode.DEVICE_UNKNOWN),
        ("pci", "pci?not_found", DoubtCode.DEVICE_UNKNOWN),
        ("processes", "processes=listed:2 holding:1", DoubtCode.PROCESSES_WITHOUT_DEVICE),
        (
            "energy",
            "energy=span_ms:1000 counted_mj:736 limit_mw:700",
            DoubtCode.ENERGY_ABOVE_LIMIT,
        ),
        (
            "energy",
            "energy=span_ms:1000 integrated_mj:736 limit_mw:700",
            DoubtCode.ENERGY_ABOVE_LIMIT,
        ),
        (
            "energy",
            "energy=span_ms:1000 counted_mj:301 integrated_mj:100",
            DoubtCode.ENERGY_DISAGREES,
        ),
        (
            "energy",
            "energy=span_ms:1000 counted_mj:87 utilised_ppm:900000 limit_mw:700",
            DoubtCode.BUSY_WITHOUT_POWER,
        ),
    ],
)
def test_a_device_that_disagrees_is_doubted(name: str, detail: str, code: DoubtCode) -> None:
    """One thing wrong, one doubt, of the device."""
    found = doubts(facts(device=without(CLEAN_DEVICE, name, detail)))

    assert [(doubt.code, doubt.hardware_id) for doubt in found] == [(code, UUID)]


@pytest.mark.parametrize(
    "detail",
    [
        "energy=span_ms:1000 counted_mj:735 limit_mw:700",
        "energy=span_ms:1000 counted_mj:300 integrated_mj:100",
        "energy=span_ms:1000 counted_mj:88 utilised_ppm:900000 limit_mw:700",
        "energy=span_ms:1000 counted_mj:10 utilised_ppm:899999 limit_mw:700",
        "energy=span_ms:1000 counted_mj:10 utilised_ppm:1000000",
        "energy=span_ms:0 counted_mj:10 limit_mw:700",
        "energy=nonsense counted_mj: limit_mw:x span_ms:-1",
        "energy?no_permission",
        "processes=listed:2 holding:1 unreadable:1",
        "proc_uuid?not_ready",
        "proc_uuid?no_permission",
        "pci?no_permission",
    ],
)
def test_at_the_edge_and_where_nothing_is_known_there_is_no_doubt(detail: str) -> None:
    """Five percent above the limit, three times apart, an eighth of the limit; unknown is no
    finding, and a text that is none of ours is not judged."""
    name = detail.replace("?", "=").partition("=")[0]

    assert doubts(facts(device=without(CLEAN_DEVICE, name, detail))) == ()


def test_a_search_path_by_which_nothing_came_is_no_doubt() -> None:
    """A package points the loader at its own folder, and the vendor's library is the system's."""
    host = without(CLEAN_HOST, "ld_library_path", "ld_library_path=/opt/kashi-agent/lib:")

    assert doubts(facts(host=host)) == ()


def test_a_library_without_any_driver_is_doubted() -> None:
    """It states a version; the kernel has no such module and no page of it."""
    host = without(CLEAN_HOST, "driver_proc", "driver_proc?not_found")
    host = without(host, "driver_module", "driver_module?not_found")
    device = without(CLEAN_DEVICE, "proc_uuid", "proc_uuid?not_found")

    assert codes(doubts(facts(host=host, device=device))) == [
        ("driver_unknown", "", "library 550.54.15")
    ]


def test_a_doubt_lasts_from_the_first_to_the_last_time_it_was_found() -> None:
    """Facts that are not told again stand on; one that is set right ends the doubt, which stays
    visible with the time it was last found."""
    wrong = without(CLEAN_HOST, "driver_proc", "driver_proc=535.104.05")
    history = [
        *facts(utc_ms=1_000),
        stated_fact(hardware_id="", utc_ms=2_000, detail="driver_proc=535.104.05"),
        *facts(host=wrong, device=(), utc_ms=3_000),
        stated_fact(hardware_id="", utc_ms=4_000, detail="driver_proc=550.54.15"),
        *facts(utc_ms=5_000),
    ]

    (doubt,) = doubts(history)

    assert (doubt.first_utc_ms, doubt.last_utc_ms) == (2_000, 3_000)
    assert doubt.detail == (
        "library 550.54.15, library file 550.54.15, kernel 535.104.05, module 550.54.15"
    )


def test_a_time_that_is_over_is_judged_once() -> None:
    """The energy of past hours is not found again with every later fact."""
    device = without(CLEAN_DEVICE, "energy", "energy=span_ms:1000 counted_mj:800 limit_mw:700")
    later = stated_fact(hardware_id=UUID, utc_ms=9_000, detail="pci=10de:2330")

    (doubt,) = doubts([*facts(device=device), later])

    assert (doubt.first_utc_ms, doubt.last_utc_ms) == (1_000, 1_000)


def test_the_same_facts_raise_the_same_doubts_in_any_order() -> None:
    """As they arrive, so they are not: the order of arrival changes nothing."""
    wrong = without(CLEAN_HOST, "driver_proc", "driver_proc=535.104.05", "ld_preload=/x")
    history = list(itertools.chain(facts(), facts(host=wrong, utc_ms=2_000), facts(utc_ms=3_000)))
    expected = doubts(history)
    assert len(expected) == 2

    for seed in range(20):
        Random(seed).shuffle(history)
        assert doubts(history) == expected


@pytest.mark.parametrize(
    ("detail", "name", "value", "reason"),
    [
        ("ld_preload=/a=b?c", "ld_preload", "/a=b?c", ""),
        ("ld_preload=", "ld_preload", "", ""),
        ("pci?not_found", "pci", None, "not_found"),
        ("pci?a=b", "pci", None, "a=b"),
        ("nonsense", "nonsense", None, ""),
        ("=x", "=x", None, ""),
        ("", "", None, ""),
    ],
)
def test_any_text_is_read_and_none_refused(
    detail: str, name: str, value: str | None, reason: str
) -> None:
    """A host may write what it likes; it can at most be shown."""
    fact = stated_fact(hardware_id="", utc_ms=1, detail=detail)

    assert (fact.name, fact.value, fact.reason) == (name, value, reason)


def test_what_stands_is_the_latest_of_each_name() -> None:
    """The host's facts first, then the device's, each name once."""
    stand = standing([*facts(utc_ms=2_000), *facts(utc_ms=1_000)])

    assert [(fact.hardware_id, fact.name) for fact in stand] == sorted(
        {(fact.hardware_id, fact.name) for fact in facts()}
    )
    assert {fact.utc_ms for fact in stand} == {2_000}


@pytest.mark.parametrize("code", DoubtCode)
def test_every_doubt_has_words_in_both_languages(code: DoubtCode) -> None:
    """Chinese first."""
    assert code.zh != code.en
    assert code.en.isascii()
