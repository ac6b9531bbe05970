"""Batches in use: opened under rules that are registered, closed, listed."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from kashi_server.domain.batch import Batch, BatchStatus
from kashi_server.domain.claim_states import mode_of, review_of
from kashi_server.domain.parameters import period_of
from kashi_server.domain.rules import RulesVersion
from kashi_server.errors import NotFound, Refused
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.claim_steps import BATCH_ENTRY, Acting, ClaimSteps, Why, officer_of
from kashi_server.services.claims_port import ClaimsUnit

_BLOCKING: Final = {
    "publicity_days": "公示 publicise",
    "clawback.interest_year_ratio": "追回利息 interest on what is clawed back",
    "voucher.validity_months": "有效期 the voucher's last day",
    "review.corrections_max": "补正次数 the limit of corrections",
    "review_steps": "审核环节 the steps of the review",
}


class Batches(ClaimSteps):
    """Opens and closes application rounds."""

    def open(self, by: Acting, batch: Batch, rules: RulesVersion, why: Why) -> tuple[str, ...]:
        """Open a batch under a rules version, which is registered if it is not yet.

        Returns:
            What to mind: days outside the rules' application windows; parameters of its procedure
            that nobody knows, and what each blocks or leaves open.

        Raises:
            Refused: the batch is there, the rules are not what it names, they cannot carry claims
                (an envelope, an unknown way of redemption), or none of its days is inside the
                rules' application windows.
        """
        if (rules.programme_id, rules.sha256) != (batch.programme_id, batch.rules_sha256):
            raise Refused(
                f"批次 {batch.batch_id} 所列规则与给出的规则不符。"
                f"batch {batch.batch_id} names other rules than those given"
            )
        if rules.parameter("kind").value == "envelope":
            raise Refused(
                f"{rules.programme_id} 是总盘子，请在其所含项目中申报。"
                f"{rules.programme_id} is an envelope: claims are made in its programmes"
            )
        mode_of(rules)
        review_of(rules)
        outside = outside_windows(batch, rules)
        with self._work.begin() as unit:
            officer = officer_of(unit, by.login).login
            if unit.claims.batch(batch.batch_id) is not None:
                raise Refused(
                    f"批次“{batch.batch_id}”已存在，请换一个编号。"
                    f"there is a batch '{batch.batch_id}' already"
                )
            known = {one.version: one for one in unit.expense.rules(batch.programme_id)}
            if batch.version not in known or known[batch.version].sha256 != rules.sha256:
                raise Refused(
                    f"规则 {batch.programme_id} {batch.version} 未以此内容登记，请先登记。"
                    f"rules {batch.programme_id} {batch.version} are not registered with this"
                    " content; register them first"
                )
            unit.claims.add_batch(batch, self._clock())
            self._log(unit, officer, "batch-opened", batch, why)
            unit.commit()
        unknown = (
            f"未知 unknown: {name}: {what}"
            for name, what in _BLOCKING.items()
            if rules.parameter(name).value is None
        )
        return (*outside, *unknown)

    def close(self, by: Acting, batch_id: str, why: Why) -> Batch:
        """Take no more applications; those that were returned may still be handed in again."""
        with self._work.begin() as unit:
            officer = officer_of(unit, by.login).login
            batch = _existing(unit, batch_id)
            if batch.status is BatchStatus.CLOSED:
                raise Refused(f"批次 {batch_id} 已关闭。batch {batch_id} is closed already")
            unit.claims.close_batch(batch_id)
            closed = _existing(unit, batch_id)
            self._log(unit, officer, "batch-closed", closed, why)
            unit.commit()
        return closed

    def all(self, programme_id: str | None = None) -> Sequence[Batch]:
        """Batches by id."""
        with self._work.begin(writes=False) as unit:
            return unit.claims.batches(programme_id)

    def get(self, batch_id: str) -> Batch:
        """A batch.

        Raises:
            NotFound: there is none of that id.
        """
        with self._work.begin(writes=False) as unit:
            return _existing(unit, batch_id)

    def _log(self, unit: ClaimsUnit, officer: str, act: str, batch: Batch, why: Why) -> None:
        unit.log.append_pending(BATCH_ENTRY, batch.batch_id, batch.to_bytes())
        record(
            unit,
            PrivilegedAct(
                utc_ms=self._clock(),
                actor=officer,
                act=act,
                reference=batch.batch_id,
                reason=why.reason or "; ".join(batch.documents),
            ),
        )


def outside_windows(batch: Batch, rules: RulesVersion) -> tuple[str, ...]:
    """A warning where some of a batch's days are outside the rules' application windows.

    Raises:
        Refused: all of them are: every claim would fail the condition.
    """
    windows = rules.parameter("application_windows").value
    if not isinstance(windows, tuple):
        return ()
    days = [period_of(one) for one in windows]
    told = ", ".join(f"{first} – {last}" for first, last in days)
    opens, closes = batch.opens_on, batch.closes_on
    if any(first <= opens and closes <= last for first, last in days):
        return ()
    if any(first <= closes and opens <= last for first, last in days):
        return (
            (
                f"注意 warning: 规则申报时间为 {told}，批次中其余日期提交的申报不合格;"
                f" claims handed in on the batch's other days fail application_windows ({told})"
            ),
        )
    raise Refused(
        f"批次 {batch.batch_id}（{opens} – {closes}）全部在 "
        f"{rules.programme_id} {rules.version} 的申报时间（application_windows："
        f"{told}）之外，其中的申报都不会合格；请改日期（--from、--until），或改"
        "用本次申报的规则（--version、--rules）。"
        f"batch {batch.batch_id} ({opens} – {closes}) is outside the application_windows of"
        f" {rules.programme_id} {rules.version}: {told}; every claim in it would fail. Give days"
        " inside (--from, --until), or the rules of this round (--version, --rules)"
    )


def batch_under(
    rules: RulesVersion,
    *,
    batch_id: str,
    year: int,
    opens_on: date,
    closes_on: date,
    documents: tuple[str, ...],
) -> Batch:
    """A batch under a rules version."""
    return Batch(
        batch_id=batch_id,
        programme_id=rules.programme_id,
        year=year,
        version=rules.version,
        rules_sha256=rules.sha256,
        opens_on=opens_on,
        closes_on=closes_on,
        documents=documents,
    )


def _existing(unit: ClaimsUnit, batch_id: str) -> Batch:
    batch = unit.claims.batch(batch_id)
    if batch is None:
        raise NotFound(
            f"没有申报批次“{batch_id}”，请用 batch list 查看。"
            f"there is no batch '{batch_id}'; list them with: batch list"
        )
    return batch
