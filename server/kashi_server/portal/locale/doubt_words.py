"""Words of the facts a host states and of the doubts they raise."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "doubts.title": ("计量可信度（最近 {days} 天）", "Plausibility of the meter, last {days} days"),
    "doubts.lead": (
        "依据主机自报的事实。疑点只作提示，不改变任何数字，也不暂挂主机；每一项都可能有正当原因。",
        "From what the host states of itself. A doubt changes no figure; it may be honest.",
    ),
    "doubts.none": ("没有疑点。", "No doubt was raised."),
    "doubts.unstated": ("主机没有报告这些事实。", "The host stated no such facts."),
    "doubts.count": ("{n} 项疑点", "doubts: {n}"),
    "doubts.what": ("疑点", "Doubt"),
    "doubts.found": ("所见", "Found"),
    "doubts.first": ("首次", "First"),
    "doubts.last": ("最近", "Latest"),
    "doubts.host": ("主机", "host"),
    "doubts.facts": ("主机报告的事实", "The facts as stated"),
    "doubts.fact": ("事实", "Fact"),
    "doubts.value": ("内容", "Value"),
    "doubts.stated": ("报告时间", "Stated"),
}
