"""States of a claim and who may move it, as tables: one for each of the four redemption modes.

Mode A *claim first*: a voucher is issued, used, redeemed and paid to the company. B *post use*: no
voucher; what was spent is claimed and paid. C *instant deduction*: the provider deducts the voucher
at payment, the office verifies and pays the provider. D *supplier redeems*: the company hands the
voucher to its supplier, who redeems it and is paid.

Which steps a review has, how often an application may be returned and how long it is made public
comes from the rules version of its batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kashi_server.domain.claim_names import MODES_ZH, STATES_ZH, STEPS_ZH
from kashi_server.domain.parameters import NONE
from kashi_server.domain.rules import ParameterState, RulesVersion
from kashi_server.errors import InvalidValue, Refused


class ClaimState(StrEnum):
    """Where a claim stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    FORM_CHECK = "form_check"
    EXPERT_REVIEW = "expert_review"
    PUBLICISED = "publicised"
    ISSUED = "issued"
    PARTIALLY_USED = "partially_used"
    USED = "used"
    CLAIM_SUBMITTED = "claim_submitted"
    CLAIM_VERIFIED = "claim_verified"
    PAID = "paid"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SUSPENDED = "suspended"
    CLAWED_BACK = "clawed_back"


class Mode(StrEnum):
    """How money moves: the rules' `redemption_mode`."""

    CLAIM_FIRST = "claim_first"
    POST_USE = "post_use"
    INSTANT_DEDUCTION = "instant_deduction"
    SUPPLIER_REDEEMS = "supplier_redeems"

    @property
    def has_voucher(self) -> bool:
        """Whether what is granted is spent as a voucher."""
        return self is not Mode.POST_USE

    @property
    def pays_provider(self) -> bool:
        """Whether the money goes to the provider, who had deducted it."""
        return self in (Mode.INSTANT_DEDUCTION, Mode.SUPPLIER_REDEEMS)


class Step(StrEnum):
    """What is done to a claim."""

    SUBMIT = "submit"
    CHECK = "check"
    RETURN = "return"
    ASSESS = "assess"
    REVIEW = "review"
    APPROVE = "approve"
    PUBLICISE = "publicise"
    ISSUE = "issue"
    USE = "use"
    REDEEM = "redeem"
    VERIFY = "verify"
    PAY = "pay"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    SUSPEND = "suspend"
    RESUME = "resume"
    REOPEN = "reopen"
    FLAG = "flag"
    CLAW_BACK = "claw_back"
    CHARGE_INTEREST = "charge_interest"


class Who(StrEnum):
    """Who may take a step."""

    COMPANY = "company"
    PROVIDER = "provider"
    OFFICER = "officer"
    TWO_OFFICERS = "two_officers"
    CLOCK = "clock"
    """Nobody's decision: a day that has passed, or a paper that fell away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What the rules version says of the review.

    `corrections_max`, `publicity_days`: None where nobody knows. Unknown corrections limit nothing;
    without known days nothing can be made public.
    """

    expert_review: bool = True
    publicity: bool = True
    corrections_max: int | None = None
    publicity_days: int | None = None
    unlimited_corrections: bool = False

    @property
    def deciding(self) -> ClaimState:
        """Where the amount is approved."""
        return ClaimState.EXPERT_REVIEW if self.expert_review else ClaimState.FORM_CHECK

    @property
    def last(self) -> ClaimState:
        """Where the review ends."""
        return ClaimState.PUBLICISED if self.publicity else self.deciding


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A step that is allowed. `target` None: it depends on the amounts."""

    step: Step
    sources: tuple[ClaimState, ...]
    target: ClaimState | None
    who: Who
    needs: tuple[str, ...] = ()


_S = ClaimState
REVIEWED: Final = (_S.SUBMITTED, _S.FORM_CHECK, _S.EXPERT_REVIEW, _S.PUBLICISED)
"""Under review: nothing was issued or certified yet."""
SPENDING: Final = (_S.ISSUED, _S.PARTIALLY_USED, _S.USED, _S.CLAIM_SUBMITTED, _S.CLAIM_VERIFIED)
"""A voucher or an award is there and not all of it is settled."""
ENDED: Final = (_S.REJECTED, _S.EXPIRED, _S.WITHDRAWN, _S.CLAWED_BACK)
"""Nothing follows but recovering what was paid."""

_FORM_WORDS: Final = ("form_check", "形式", "初审", "审核", "受理")
_EXPERT_WORDS: Final = ("expert_review", "专家", "评审", "评分", "评审会")
_PUBLIC_WORDS: Final = ("publicised", "publicity", "公示")
_FILING_WORDS: Final = ("submitted", "申报", "申请", "提交")


def mode_of(rules: RulesVersion) -> Mode:
    """The redemption mode of a rules version.

    Raises:
        Refused: nobody knows it, and everything after the review depends on it.
    """
    parameter = rules.parameter("redemption_mode")
    if parameter.state is ParameterState.UNKNOWN:
        raise Refused(
            f"{rules.programme_id} {rules.version} 的兑付方式 redemption_mode 未知，"
            "确定之前不能受理申报；请用 rules decide 作出决定。"
            f"redemption_mode is unknown in {rules.programme_id} {rules.version}: no claim can be"
            " taken before it is settled; settle it with: rules decide"
        )
    return Mode(str(parameter.value))


def review_of(rules: RulesVersion) -> Review:
    """What a rules version says of the review; unknown steps: the whole review.

    Raises:
        InvalidValue: a step has a name that this house does not know.
    """
    steps = rules.parameter("review_steps").value
    listed = steps if isinstance(steps, tuple) else None
    kinds = None if listed is None else {_kind_of(one) for one in listed}
    corrections = rules.parameter("review.corrections_max").value
    return Review(
        expert_review=kinds is None or "expert" in kinds,
        publicity=kinds is None or "public" in kinds,
        corrections_max=corrections if isinstance(corrections, int) else None,
        publicity_days=_days(rules),
        unlimited_corrections=corrections == NONE,
    )


def _days(rules: RulesVersion) -> int | None:
    days = rules.parameter("publicity_days").value
    if days == NONE:
        return 0
    return days if isinstance(days, int) else None


def _kind_of(text: str) -> str:
    for kind, words in (
        ("public", _PUBLIC_WORDS),
        ("expert", _EXPERT_WORDS),
        ("form", _FORM_WORDS),
        ("filing", _FILING_WORDS),
    ):
        if any(word in text for word in words):
            return kind
    raise InvalidValue(
        f"review_steps 中的“{text}”不是申报、审查、评审、公示之一。"
        f"'{text}' in review_steps is none of 申报 submitted, 审查 form_check, 评审 expert_review,"
        " 公示 publicised"
    )


def transitions(mode: Mode, review: Review) -> tuple[Transition, ...]:
    """Every step that is allowed in a mode under a review, in the order of a claim's way."""
    return (
        *_reviewing(review),
        *(_with_voucher(mode, review) if mode.has_voucher else _post_use(review)),
        Transition(
            step=Step.PAY,
            sources=(_S.CLAIM_VERIFIED,),
            target=None,
            who=Who.TWO_OFFICERS,
            needs=("reason", "document"),
        ),
        *_exits(),
    )


def _reviewing(review: Review) -> Sequence[Transition]:
    found = [
        Transition(
            step=Step.SUBMIT,
            sources=(_S.DRAFT,),
            target=_S.SUBMITTED,
            who=Who.COMPANY,
            needs=("open batch", "expense not claimed before", "evaluation"),
        ),
        Transition(step=Step.CHECK, sources=(_S.SUBMITTED,), target=_S.FORM_CHECK, who=Who.OFFICER),
        Transition(
            step=Step.RETURN,
            sources=(_S.FORM_CHECK, _S.CLAIM_SUBMITTED),
            target=None,
            who=Who.OFFICER,
            needs=("reason", "corrections left"),
        ),
    ]
    found.append(
        Transition(
            step=Step.ASSESS,
            sources=(_S.FORM_CHECK, _S.EXPERT_REVIEW),
            target=None,
            who=Who.OFFICER,
            needs=("reason",),
        )
    )
    if review.expert_review:
        found.append(
            Transition(
                step=Step.REVIEW,
                sources=(_S.FORM_CHECK,),
                target=_S.EXPERT_REVIEW,
                who=Who.OFFICER,
                needs=("reason",),
            )
        )
    found.append(
        Transition(
            step=Step.APPROVE,
            sources=(review.deciding,),
            target=review.deciding,
            who=Who.TWO_OFFICERS,
            needs=("amount ≤ computed", "reason", "document"),
        )
    )
    if review.publicity:
        found.append(
            Transition(
                step=Step.PUBLICISE,
                sources=(review.deciding,),
                target=_S.PUBLICISED,
                who=Who.OFFICER,
                needs=("approved amount", "publicity_days"),
            )
        )
    return found


def _with_voucher(mode: Mode, review: Review) -> Sequence[Transition]:
    found = [
        Transition(
            step=Step.ISSUE,
            sources=(review.last,),
            target=_S.ISSUED,
            who=Who.OFFICER,
            needs=("approved amount", "days of publicity over"),
        ),
        Transition(
            step=Step.USE,
            sources=(_S.ISSUED, _S.PARTIALLY_USED),
            target=None,
            who=Who.PROVIDER if mode is Mode.INSTANT_DEDUCTION else Who.COMPANY,
            needs=("amount ≤ balance", "valid voucher", "evaluation"),
        ),
    ]
    settled: tuple[ClaimState, ...] = (_S.PARTIALLY_USED, _S.USED)
    if mode is not Mode.INSTANT_DEDUCTION:
        found.append(
            Transition(
                step=Step.REDEEM,
                sources=settled,
                target=_S.CLAIM_SUBMITTED,
                who=Who.PROVIDER if mode is Mode.SUPPLIER_REDEEMS else Who.COMPANY,
                needs=("something used and not redeemed",),
            )
        )
        settled = (_S.CLAIM_SUBMITTED,)
    found.append(
        Transition(
            step=Step.VERIFY,
            sources=settled,
            target=_S.CLAIM_VERIFIED,
            who=Who.OFFICER,
            needs=("amount ≤ what was used", "reason"),
        )
    )
    return found


def _post_use(review: Review) -> Sequence[Transition]:
    return [
        Transition(
            step=Step.VERIFY,
            sources=(review.last,),
            target=_S.CLAIM_VERIFIED,
            who=Who.OFFICER,
            needs=("amount ≤ approved", "days of publicity over", "reason"),
        )
    ]


def _exits() -> Sequence[Transition]:
    live = (*REVIEWED, *SPENDING)
    return [
        Transition(
            step=Step.REJECT,
            sources=(*REVIEWED, _S.SUSPENDED),
            target=_S.REJECTED,
            who=Who.OFFICER,
            needs=("reason", "nothing paid"),
        ),
        Transition(
            step=Step.WITHDRAW,
            sources=(_S.DRAFT, *REVIEWED, _S.ISSUED, _S.PARTIALLY_USED),
            target=_S.WITHDRAWN,
            who=Who.COMPANY,
            needs=("reason", "nothing waiting to be redeemed"),
        ),
        Transition(
            step=Step.EXPIRE,
            sources=(_S.ISSUED, _S.PARTIALLY_USED),
            target=_S.EXPIRED,
            who=Who.CLOCK,
            needs=("last day passed", "nothing waiting to be redeemed"),
        ),
        Transition(
            step=Step.SUSPEND,
            sources=(*live, _S.PAID),
            target=_S.SUSPENDED,
            who=Who.OFFICER,
            needs=("reason",),
        ),
        Transition(
            step=Step.RESUME,
            sources=(_S.SUSPENDED,),
            target=None,
            who=Who.TWO_OFFICERS,
            needs=("reason",),
        ),
        Transition(
            step=Step.REOPEN,
            sources=(*live, _S.PAID),
            target=None,
            who=Who.CLOCK,
            needs=("reason",),
        ),
        # It stays where it is: only money that is out concerns what ended.
        Transition(
            step=Step.FLAG,
            sources=(*live, _S.PAID, *ENDED, _S.SUSPENDED),
            target=None,
            who=Who.CLOCK,
            needs=("reason",),
        ),
        Transition(
            step=Step.CLAW_BACK,
            sources=(_S.PARTIALLY_USED, _S.PAID, *ENDED, _S.SUSPENDED),
            target=_S.CLAWED_BACK,
            who=Who.TWO_OFFICERS,
            needs=("amount ≤ paid", "reason", "document"),
        ),
        Transition(
            step=Step.CHARGE_INTEREST,
            sources=(_S.CLAWED_BACK,),
            target=_S.CLAWED_BACK,
            who=Who.TWO_OFFICERS,
            needs=("interest open, its rate known by now", "reason", "document"),
        ),
    ]


def transition(
    mode: Mode, review: Review, state: ClaimState, step: Step, claim_id: str
) -> Transition:
    """The transition of a step from a state.

    Raises:
        Refused: it is not allowed there; the message names what is.
    """
    table = transitions(mode, review)
    for one in table:
        if one.step is step and state in one.sources:
            return one
    # Named as the command is typed; what only the clock does is nobody's to do.
    open_steps = [one.step for one in table if state in one.sources and one.who is not Who.CLOCK]
    steps = ", ".join(map(_typed, open_steps))
    steps_zh = "、".join(f"{STEPS_ZH[one]} {_typed(one)}" for one in open_steps)
    possible = steps or "nothing"
    raise Refused(
        f"申报 {claim_id} 的状态为“{STATES_ZH[state]}”，"
        f"在“{MODES_ZH[mode]}”方式下不能办理“{STEPS_ZH[step]}”（{_typed(step)}）；"
        f"可办理：{steps_zh or '无'}。"
        f"claim {claim_id} is {state}; {_typed(step)} is not possible there in mode {mode}."
        f" Possible: {possible}"
    )


def _typed(step: Step) -> str:
    return step.replace("_", "-")
