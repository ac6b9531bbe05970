"""What parts two versions of rules: parameter by parameter, and the head."""

from collections.abc import Iterator
from dataclasses import dataclass

from kashi_server.domain.rules import Parameter, ParameterState, RulesVersion
from kashi_server.domain.statement_line import shanghai_text


@dataclass(frozen=True, slots=True)
class Difference:
    """One field or parameter that differs; an empty side: it is not spoken of there."""

    name: str
    old: str
    new: str

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {"name": self.name, "old": self.old or None, "new": self.new or None}


def differences(old: RulesVersion, new: RulesVersion) -> tuple[Difference, ...]:
    """Everything that differs, the head first, then parameters by name."""
    return tuple(one for one in _pairs(old, new) if one.old != one.new)


def _pairs(old: RulesVersion, new: RulesVersion) -> Iterator[Difference]:
    for name in ("programme_id", "version", "name_zh", "name_en", "document"):
        yield Difference(name, getattr(old, name), getattr(new, name))
    yield Difference("in_force", _in_force(old), _in_force(new))
    yield Difference("ended", _ended(old), _ended(new))
    spoken = [{one.name: one for one in version.parameters} for version in (old, new)]
    for name in sorted(spoken[0] | spoken[1]):
        yield Difference(name, *(_said(of_version.get(name)) for of_version in spoken))


def _in_force(version: RulesVersion) -> str:
    end = version.in_force.end
    return f"{shanghai_text(version.in_force.start)} – {'' if end is None else shanghai_text(end)}"


def _ended(version: RulesVersion) -> str:
    """The document by which they end before their own date."""
    return "" if version.ended is None else version.ended.document


def _said(parameter: Parameter | None) -> str:
    if parameter is None:
        return ""
    if parameter.state is ParameterState.UNKNOWN:
        return "unknown"
    words = [str(parameter.state), parameter.value_text or ""]
    if parameter.decision:
        words.append(f"({parameter.decision.document})")
    elif parameter.source:
        words.append(f"({parameter.source})")
    return " ".join(words)
