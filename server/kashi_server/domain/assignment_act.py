"""What the two sides of a contract did about an assignment, act by act, and where it stands.

One side proposes a device for a contract; the other confirms or declines it, or the proposer takes
it back. Of a confirmed one either side may propose another end, which is answered likewise. Until
then the assignment stands as it did: only what both sides agreed to changes anything.
"""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.contract import Assignment, Contract, check_token
from kashi_server.domain.interval import Interval
from kashi_server.domain.party import check_credit_code
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.errors import InvalidValue, Refused

REASON_CHARACTERS_MAX: Final = 500


class ActKind(StrEnum):
    """What was done."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    END_PROPOSED = "end_proposed"
    END_CONFIRMED = "end_confirmed"
    END_DECLINED = "end_declined"
    END_WITHDRAWN = "end_withdrawn"


class Answer(StrEnum):
    """What is done to a proposal that waits: the other side's two answers, the proposer's one."""

    CONFIRM = "confirm"
    DECLINE = "decline"
    WITHDRAW = "withdraw"


_ANSWERED: Final = {
    (Answer.CONFIRM, False): ActKind.CONFIRMED,
    (Answer.DECLINE, False): ActKind.DECLINED,
    (Answer.WITHDRAW, False): ActKind.WITHDRAWN,
    (Answer.CONFIRM, True): ActKind.END_CONFIRMED,
    (Answer.DECLINE, True): ActKind.END_DECLINED,
    (Answer.WITHDRAW, True): ActKind.END_WITHDRAWN,
}


def answered(answer: Answer, *, of_end: bool) -> ActKind:
    """The act that an answer is, to a proposal of an assignment or of an end."""
    return _ANSWERED[answer, of_end]


class Standing(StrEnum):
    """Where an assignment stands."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    END_PROPOSED = "end_proposed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    VOID = "void"
    """Two officers took it out of the book."""

    @property
    def zh(self) -> str:
        """The word in Chinese."""
        return _STANDING_ZH[self]

    @property
    def waits(self) -> bool:
        """Whether somebody's answer is awaited."""
        return self in (Standing.PROPOSED, Standing.END_PROPOSED)


_STANDING_ZH: Final = {
    Standing.PROPOSED: "待确认",
    Standing.CONFIRMED: "已确认",
    Standing.END_PROPOSED: "变更结束时间待确认",
    Standing.DECLINED: "已拒绝",
    Standing.WITHDRAWN: "已撤回",
    Standing.VOID: "已由主管部门作废",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentAct:
    """One act; never changed, and an entry of the log.

    Attributes:
        number: 1, 2, … within the assignment.
        interval: the assignment's minutes as this act would have them; with a proposed end, to it.
        party_id: the side that acted; `login` the account that acted for it.
        reason: why; a declined proposal always has one.
    """

    assignment_id: str
    number: int
    kind: ActKind
    contract_id: str
    hardware_id: str
    interval: Interval
    party_id: str
    login: str
    utc_ms: int
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse an act of nobody, and a decline that does not say why."""
        check_token(self.assignment_id, "assignment_id")
        check_token(self.contract_id, "contract_id")
        check_credit_code(self.party_id)
        if self.number < 1 or self.utc_ms < 0:
            raise InvalidValue(
                f"第 {self.number} 号记录（{self.utc_ms} 毫秒）不成立。"
                f"act {self.number} at {self.utc_ms} ms cannot be"
            )
        if not self.login.strip():
            raise InvalidValue("须写明由哪个账号办理。an act names the account that acts")
        if self.kind in (ActKind.DECLINED, ActKind.END_DECLINED) and not self.reason.strip():
            raise InvalidValue("拒绝须说明理由。whoever declines says why: give a reason")
        if len(self.reason) > REASON_CHARACTERS_MAX:
            raise InvalidValue(
                f"理由不得超过 {REASON_CHARACTERS_MAX} 个字符。"
                f"a reason has at most {REASON_CHARACTERS_MAX} characters"
            )

    @property
    def reference(self) -> str:
        """How the log names it."""
        return f"{self.assignment_id}/{self.number}"

    def to_bytes(self) -> bytes:
        """What the log keeps of it."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        end = self.interval.end
        said["kind"] = str(self.kind)
        said["interval"] = [
            shanghai_text(self.interval.start),
            None if end is None else shanghai_text(end),
        ]
        return canonical_bytes({"format": "kashi/v1/assignment-act", **said})


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentHistory:
    """An assignment with its contract and everything done about it, oldest first.

    `assignment` is as it stands; of one that stands no longer (`stands`), as it was proposed. One
    that came from an imported file has no acts of its own.
    """

    assignment: Assignment
    contract: Contract
    acts: tuple[AssignmentAct, ...] = ()
    stands: bool = True

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        last = self.acts[-1].kind if self.acts else None
        if self.assignment.confirmed:
            return Standing.END_PROPOSED if last is ActKind.END_PROPOSED else Standing.CONFIRMED
        if last is ActKind.DECLINED:
            return Standing.DECLINED
        if last is ActKind.WITHDRAWN:
            return Standing.WITHDRAWN
        # Only an answer or two officers take an assignment out of the book.
        return Standing.PROPOSED if self.stands else Standing.VOID

    @property
    def proposer_id(self) -> str | None:
        """The side whose proposal waits; None: none does."""
        match self.standing:
            case Standing.PROPOSED:
                return self.assignment.proposed_by
            case Standing.END_PROPOSED:
                return self.acts[-1].party_id
            case _:
                return None

    @property
    def awaited_id(self) -> str | None:
        """The side whose answer is awaited; None: nobody's is."""
        proposer = self.proposer_id
        return None if proposer is None else next(iter(self.contract.sides - {proposer}))

    @property
    def proposed_end(self) -> int | None:
        """The end that waits for its answer, a UTC minute."""
        waits = self.standing is Standing.END_PROPOSED
        return self.acts[-1].interval.end if waits else None

    def check_answer(self, answer: Answer, party_id: str) -> None:
        """Refuse an answer that this side cannot give now.

        Raises:
            Refused: nothing waits, or it waits for somebody else.
        """
        if not self.standing.waits:
            raise Refused(
                f"指派 {self.assignment.assignment_id} 的状态已为 {self.standing}，"
                "没有待答复的提议。"
                f"assignment {self.assignment.assignment_id} is {self.standing} already; nothing"
                " waits for an answer"
            )
        wanted = self.proposer_id if answer is Answer.WITHDRAW else self.awaited_id
        if party_id != wanted:
            raise Refused(
                f"指派 {self.assignment.assignment_id} 须由合同"
                f" {self.contract.contract_id} 的另一方答复（{answer}）。"
                f"assignment {self.assignment.assignment_id} waits for the other side of contract"
                f" {self.contract.contract_id} to {answer} it"
                if answer is not Answer.WITHDRAW
                else f"指派 {self.assignment.assignment_id} 只有提议方可以撤回；您可以拒绝。"
                f"assignment {self.assignment.assignment_id} is withdrawn by the side that"
                " proposed it; decline it instead"
            )
