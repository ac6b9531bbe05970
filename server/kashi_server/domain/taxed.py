"""An amount of an invoice or contract: without tax, its tax, and both together, in fen.

The three hold together to the fen: without + tax = including. A red invoice's amounts are negative;
no amount has a tax of the other sign.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kashi_server.domain.money import FEN_MAX, truncate_to_fen_share, yuan_text
from kashi_server.errors import InvalidValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxed:
    """Fen without tax (不含税), and the tax on it (税额)."""

    ex_tax_fen: int
    tax_fen: int

    def __post_init__(self) -> None:
        """Refuse a tax of the other sign, and more than the house can count."""
        if self.ex_tax_fen * self.tax_fen < 0 or (self.ex_tax_fen == 0 and self.tax_fen):
            raise InvalidValue(
                f"{yuan_text(self.ex_tax_fen)} 元的税额不能为 {yuan_text(self.tax_fen)} 元。"
                f"a tax of {yuan_text(self.tax_fen)} yuan on {yuan_text(self.ex_tax_fen)} yuan"
            )
        if abs(self.incl_fen) > FEN_MAX:
            raise InvalidValue(
                f"{yuan_text(self.incl_fen)} 元超出可计的范围。"
                f"{yuan_text(self.incl_fen)} yuan is more than this house can count"
            )

    @property
    def incl_fen(self) -> int:
        """Including tax (价税合计)."""
        return self.ex_tax_fen + self.tax_fen

    def __add__(self, other: "Taxed") -> "Taxed":
        return Taxed(
            ex_tax_fen=self.ex_tax_fen + other.ex_tax_fen, tax_fen=self.tax_fen + other.tax_fen
        )

    def check_incl(self, incl_fen: int) -> None:
        """Refuse a stated total that is not the sum.

        Raises:
            InvalidValue: without + tax is another amount.
        """
        if incl_fen != self.incl_fen:
            raise InvalidValue(
                f"{yuan_text(self.ex_tax_fen)} 加税额 {yuan_text(self.tax_fen)} 为 "
                f"{yuan_text(self.incl_fen)}，不是 {yuan_text(incl_fen)}。"
                f"{yuan_text(self.ex_tax_fen)} + tax {yuan_text(self.tax_fen)} is"
                f" {yuan_text(self.incl_fen)}, not {yuan_text(incl_fen)}"
            )

    def ex_tax_of(self, incl_fen: int) -> int:
        """Fen without tax in a part of the amount given including tax; cut to a fen.

        It is cut for each part by itself: parts together are never above the whole.
        """
        if not self.incl_fen:
            return 0
        return truncate_to_fen_share(self.ex_tax_fen, incl_fen, self.incl_fen)


NOTHING = Taxed(ex_tax_fen=0, tax_fen=0)


def sum_taxed(amounts: Iterable[Taxed]) -> Taxed:
    """The sum; of amounts of either sign, so a sum may have a tax that no single one has."""
    ex_tax_fen, tax_fen = 0, 0
    for amount in amounts:
        ex_tax_fen += amount.ex_tax_fen
        tax_fen += amount.tax_fen
    return Taxed(ex_tax_fen=ex_tax_fen, tax_fen=tax_fen)
