"""Closed months that their facts would make otherwise today: what `fsck --months` tells of them."""

from dataclasses import dataclass

from kashi_server.bootstrap import Server
from kashi_server.domain.interval import Month
from kashi_server.domain.money import yuan_text
from kashi_server.errors import KashiError
from kashi_server.log.sequencer import sequence
from kashi_server.services.correcting import Correcting


@dataclass(frozen=True, slots=True)
class DifferingMonths:
    """Months with by how many fen a correction would change them; `problem`: why they could not be
    rated, "" where they could."""

    found: tuple[tuple[Month, int], ...] = ()
    problem: str = ""

    def to_data(self) -> dict[str, object]:
        """Plain data; amounts in fen."""
        return {
            "differing": [{"month": str(month), "amount_fen": fen} for month, fen in self.found],
            "problem": self.problem,
        }


def differing_months(server: Server) -> DifferingMonths:
    """Rate every closed month anew, as `correct --preview` does; nothing of a month is stored."""
    correcting = Correcting(
        server.work,
        lambda: sequence(server.work, server.keyring, server.clock),
        server.clock,
        demo=server.config.demo,
    )
    try:
        return DifferingMonths(correcting.differing())
    except KashiError as problem:
        return DifferingMonths(problem=str(problem))


def print_months(months: DifferingMonths | None) -> None:
    """Tell of them, as what they are: no damage."""
    if months is None:
        print("存储有损，未重算各月。What is stored is damaged: months were not rated anew.")
        return
    if months.problem:
        print(f"无法重算各月：{months.problem}。Months cannot be rated anew: {months.problem}")
    elif not months.found:
        print("各已关账月份与今日重算一致。Every closed month is what its facts give today.")
    for month, amount_fen in months.found:
        print(
            f"{month} 有差异，更正将变动 {yuan_text(amount_fen)} 元（非损坏）。"
            f"{month} differs, a correction would change it by {yuan_text(amount_fen)} yuan"
            f" (no damage): correct --month {month} --preview"
        )
