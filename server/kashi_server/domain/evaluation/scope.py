"""Step 2, scope: which parts of the contract count."""

from dataclasses import replace

from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.case import Part
from kashi_server.domain.evaluation.step import Outcome, State


def scope(state: State, asking: Asking) -> Outcome:
    """Keep the parts that the rules include; own equipment goes where it is excluded."""
    kept: list[Part] = []
    dropped: list[Part] = []
    for part in state.case.parts:
        (kept if _counts(part, asking) else dropped).append(part)
    state = replace(state, parts=tuple(kept))
    if state.by_origin and any(part.domestic is None for part in kept):
        asking.lacks("part.domestic")
    zh = f"计入 {_names(kept)}" + (f"；不计 {_names(dropped)}" if dropped else "")
    en = f"counts {_names(kept)}" + (f"; leaves out {_names(dropped)}" if dropped else "")
    bound = "expense_scope" if dropped else None
    return Outcome(state=state, reason=(zh, en), bound=bound)


def _names(parts: list[Part]) -> str:
    names = [f"{part.item}{' (owned)' if part.owned else ''}" for part in parts]
    return ", ".join(dict.fromkeys(names)) or "—"


def _counts(part: Part, asking: Asking) -> bool:
    included = asking.texts("expense_scope.include")
    if included is not None:
        wanted = part.item in included
    else:
        wanted = part.item not in (asking.texts("expense_scope.exclude") or ())
    return wanted and not (part.owned and asking.truth("self_owned_excluded"))
