"""Step 2, scope: which parts of the contract count."""

from dataclasses import replace

from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.case import Part
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.parameters import ITEMS_ZH


def scope(state: State, asking: Asking) -> Outcome:
    """Keep the parts that the rules include; own equipment goes where it is excluded."""
    kept: list[Part] = []
    dropped: list[Part] = []
    for part in state.case.parts:
        (kept if _counts(part, asking) else dropped).append(part)
    state = replace(state, parts=tuple(kept))
    if state.by_origin and any(part.domestic is None for part in kept):
        asking.lacks("part.domestic")
    bound = "expense_scope" if dropped else None
    return Outcome(state=state, reason=_reason(kept, dropped), bound=bound)


def _reason(kept: list[Part], dropped: list[Part]) -> tuple[str, str]:
    """Nothing to choose from is told apart from a choice that left nothing."""
    if not kept and not dropped:
        return (
            "本案未列合同的费用分项，此步无可取舍",
            "the case lists no parts of a contract: there is nothing to choose from",
        )
    kept_zh, kept_en = _names(kept)
    zh = f"计入 {kept_zh}" if kept else "没有可计入的费用分项"
    en = f"counts {kept_en}" if kept else "none of the contract's parts counts"
    if dropped:
        dropped_zh, dropped_en = _names(dropped)
        zh, en = f"{zh}；不计 {dropped_zh}", f"{en}; leaves out {dropped_en}"
    return zh, en


def _names(parts: list[Part]) -> tuple[str, str]:
    zh = [
        f"{ITEMS_ZH.get(part.item, part.item)}{'（自有设备）' if part.owned else ''}"
        for part in parts
    ]
    en = [f"{part.item}{' (own equipment)' if part.owned else ''}" for part in parts]
    return "、".join(dict.fromkeys(zh)), ", ".join(dict.fromkeys(en))


def _counts(part: Part, asking: Asking) -> bool:
    included = asking.texts("expense_scope.include")
    if included is not None:
        wanted = part.item in included
    else:
        wanted = part.item not in (asking.texts("expense_scope.exclude") or ())
    return wanted and not (part.owned and asking.truth("self_owned_excluded"))
