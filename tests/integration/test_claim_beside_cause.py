"""A flag that a look sets says why: what is known to be the cause, else that nobody knows it."""

from collections.abc import Callable

import pytest
from changed_agreements import amendment
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, invoice_number
from claims_beside import (
    OFFICE,
    approve,
    begun,
    content,
    due,
    invoiced,
    pay,
    submitted,
    told_beside,
)
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.services import claim_clearing
from kashi_server.services.claim_steps import Taking
from kashi_server.services.claim_worth import check_worth
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.papers_port import StatusChange
from kashi_server.storage.unit_of_work import UnitOfWork, Work


def cut(ready: Filed, yuan: str) -> None:
    """The contract of the paid claim is cut, and no claim is told."""
    Importing(ready.work, ready.clock).take(
        [ImportFile("cut.toml", amendment(accelerator_yuan=yuan))], "officer", ""
    )


def void(ready: Filed) -> None:
    """The invoice of the paid claim is void, and no claim is told."""
    with ready.work.begin() as unit:
        change = StatusChange(
            number=invoice_number(50),
            change=2,
            status=InvoiceStatus.VOID,
            source="export.xlsx",
            told_by="clerk",
            told_utc_ms=ready.clock(),
        )
        unit.invoices.add_status(change)
        unit.commit()


@pytest.mark.parametrize(
    ("falls", "figures", "zh", "en"),
    [
        pytest.param(
            lambda ready: cut(ready, "100.00"),
            (0, 150_00),
            "本申报的合格费用有变（原为 300.00 元，现为 100.00 元），金额须重新核实。",
            "of this claim's own expense 300.00 yuan were eligible, now 100.00.",
            id="its-own-expense",
        ),
        pytest.param(
            lambda ready: cut(ready, "300.00"),
            (120_00, 30_00),
            "金额与此前不同，原因未能查明",
            "the cause is not known",
            id="nobody-knows",
        ),
        pytest.param(
            void,
            (None, 150_00),
            "申报所依据的材料或合同有变，现无法确定金额：发票",
            f"nobody knows what it comes to: invoice {invoice_number(50)} does not hold good",
            id="a-paper-fell-away",
        ),
    ],
)
def test_what_is_the_claims_own_is_blamed_on_no_other(
    sqlite_claims_work: Work,
    falls: Callable[[Filed], None],
    figures: tuple[int | None, int],
    zh: str,
    en: str,
) -> None:
    """300 yuan and 200 reach 100 with and without a third claim. What the look after that one's
    withdrawal finds is the paid claim's own: the flag says which, and names no other claim."""
    ready = begun(sqlite_claims_work, threshold__year_yuan='"100.00"')
    invoiced(ready, 53, 125_00)
    paid, beside, on_contract = (
        submitted(ready, content(ready, *said))
        for said in ((50, 300_00), (52, 200_00, "HT-C"), (53, 125_00))
    )
    for claim_id, fen in ((paid, 150_00), (on_contract, 60_00), (beside, 75_00)):
        approve(ready, claim_id, fen)
    ready.days_later(7)
    pay(ready, paid)
    falls(ready)
    assert due(ready) == {}
    ready.claims.withdraw(CLERK, beside, WHY)

    assert due(ready) == {paid: figures}
    assert told_beside(ready, paid) == [[]]
    reason = ready.claims.show(OFFICE, paid).events[-1].reason
    assert reason.index(zh) < reason.index(en)
    assert beside not in reason


def test_a_payment_is_no_cause(
    postgresql_claims_work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one claim is being paid another is withdrawn, on a server that crashes then. The look
    after the payment finds what that left; it says that the year comes to otherwise, and does not
    blame the one that was paid."""
    ready = begun(postgresql_claims_work, threshold__year_yuan='"600.00"')
    invoiced(ready, 54, 150_00, "HT-C")
    first, second, third = (
        submitted(ready, content(ready, *said))
        for said in ((50, 300_00), (52, 200_00, "HT-C"), (54, 150_00, "HT-C"))
    )
    for claim_id, fen in ((first, 150_00), (second, 100_00), (third, 75_00)):
        approve(ready, claim_id, fen)
    ready.days_later(7)
    pay(ready, second)
    ready.claims.verify(OFFICER, first, WHY)

    def between(taking: Taking, amount_fen: int) -> None:
        check_worth(taking, amount_fen)
        with pytest.MonkeyPatch.context() as crashed:
            crashed.setattr(UnitOfWork, "follow", lambda _unit: None)
            ready.claims.withdraw(CLERK, third, WHY)

    monkeypatch.setattr(claim_clearing, "check_worth", between)
    ready.claims.pay(BOTH, first, WHY)

    assert due(ready) == {first: (0, 150_00), second: (0, 100_00)}
    assert told_beside(ready, first) == told_beside(ready, second) == [[]]
    assert "申报合计有变" in ready.claims.show(OFFICE, second).events[-1].reason
