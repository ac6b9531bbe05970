"""The rulebook: rules versions that ship with the server, and those that months were closed under.

A version is immutable: the same programme and version with another hash is refused. A version that
has begun only ends: by its own date, or where a later version of its programme begins.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from kashi_server.domain.deciding import DecisionRecord
from kashi_server.domain.rules import RulesVersion, version_at
from kashi_server.domain.rules_data import load_rules
from kashi_server.errors import ConfigurationError, Refused
from kashi_server.services.expense_port import ExpenseUnit, ExpenseWork

PROGRAMMES = Path(__file__).parent.parent / "programmes"
"""Where the shipped programmes stand."""

RULES_ENTRY = "rules"


def read_rules(file: Path) -> RulesVersion:
    """Read a version from a TOML file.

    Raises:
        MistakesFound: every mistake with its line.
        ConfigurationError: there is no such file.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"无法读取 {file}。{file} cannot be read: {error}") from error
    return load_rules(text, str(file))


def shipped_rules(directory: Path = PROGRAMMES) -> tuple[RulesVersion, ...]:
    """Every version in a directory, in order of the files' names."""
    return tuple(read_rules(file) for file in sorted(directory.glob("*.toml")))


def check_base(known: Iterable[RulesVersion], base: RulesVersion, record: DecisionRecord) -> None:
    """Refuse a record that builds on another version than the one in force on its day.

    What an earlier record decided is in the version that it made, an ending too: a record on the
    version before would take all of that back, and name none of it.

    Raises:
        Refused: another version is in force on that day, or none is.
    """
    others = [one for one in known if one.version not in (record.version, base.version)]
    held = version_at([*others, base], record.from_minute)
    if held == base:
        return
    name_zh, name = "没有", "none is"
    if held is not None:
        name_zh, name = f"是 {held.version}", f"{held.version} is"
    raise Refused(
        f"决定记录基于 {base.programme_id} {base.version}，"
        f"而 in_force_from 当日有效的规则{name_zh}；"
        "已由后续版本决定或终止的，不能绕过它。请以当日有效的版本为基础（rules show）；"
        "规则已终止的，须登记新公布的文本。"
        f"the record builds on {base.programme_id} {base.version}, and at its in_force_from"
        f" {name} in force: what later versions decided or ended is not passed over. Build on the"
        " version in force on that day (rules show); where rules were ended, a newly published"
        " text is registered"
    )


class Rulebook:
    """Registers rules versions."""

    def __init__(self, work: ExpenseWork, clock: Callable[[], int]) -> None:
        """Over a database; `clock` gives UTC milliseconds."""
        self._work = work
        self._clock = clock

    def register(self, versions: Iterable[RulesVersion]) -> int:
        """Add the versions that are not registered; how many were.

        Raises:
            Refused: one is registered with other content, begins before another of its programme,
                or inside a closed month.
        """
        with self._work.begin() as unit:
            unit.expense.lock()
            added = sum(_add(unit, version, self._clock()) for version in versions)
            unit.commit()
        return added


def _add(unit: ExpenseUnit, version: RulesVersion, utc_ms: int) -> bool:
    for known in unit.expense.rules(version.programme_id):
        if known.version == version.version:
            if known.sha256 != version.sha256:
                raise Refused(
                    f"规则 {version.programme_id} {version.version} 已登记，"
                    f"哈希为 {known.sha256[:16]}…，而文件为 {version.sha256[:16]}…；"
                    "已登记的版本不得更改，请为新文本另编版本。"
                    f"rules {version.programme_id} {version.version} are registered with hash"
                    f" {known.sha256[:16]}…, the file has {version.sha256[:16]}…; a registered"
                    " version never changes, give the new text a new version"
                )
            return False
        if known.in_force.start >= version.in_force.start and known.in_force.overlap(
            version.in_force
        ):
            raise Refused(
                f"规则 {version.programme_id} {version.version} 与更晚施行的版本 "
                f"{known.version} 重叠，新版本须在现有版本之后施行。"
                f"rules {version.programme_id} {version.version} overlap version {known.version},"
                " which begins later; a new version begins after those there are"
            )
    last = unit.expense.last_close()
    begun = bool(unit.expense.rules(version.programme_id))
    if begun and last is not None and version.in_force.start < last.cut_off.event_end:
        raise Refused(
            f"规则 {version.programme_id} {version.version} 的施行日早于已关账的 "
            f"{last.month} 月末。"
            f"rules {version.programme_id} {version.version} begin before the end of the closed"
            f" month {last.month}"
        )
    unit.expense.add_rules(version, utc_ms)
    reference = f"{version.programme_id}/{version.version}"
    unit.log.append_pending(RULES_ENTRY, reference, version.to_bytes())
    return True
