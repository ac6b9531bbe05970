"""Posting to the ledger, and proving it from its rows.

A movement is posted exactly once a key, together with its entry in the append-only log: who changes
or removes a row later differs from the log.
"""

from collections.abc import Callable, Iterator
from typing import Final

from kashi_server.domain.both_languages import because
from kashi_server.domain.ledger import Movement, Posting, Unit
from kashi_server.domain.money import yuan_text
from kashi_server.errors import NotFound, Refused
from kashi_server.services.ledger_port import LedgerUnit, LedgerWork

MOVEMENT_ENTRY: Final = "movement"
FILLED_BY_HAND: Final = ("pool", "envelope_left")
"""Accounts that two officers fill by `ledger appropriate`; others are opened from the rules."""


class Ledger:
    """The ledger of a database."""

    def __init__(self, work: LedgerWork, clock: Callable[[], int]) -> None:
        """Over a database; `clock` gives UTC milliseconds."""
        self._work = work
        self._clock = clock

    def post(self, movement: Movement) -> bool:
        """Post a movement; False when it was posted before.

        Raises:
            Refused: its key was used for something else, or an account would go below its floor.
        """
        with self._work.begin() as unit:
            added = post(unit, movement, self._clock())
            unit.commit()
        return added

    def reverse(self, key: str, officer: str, reason: str) -> bool:
        """Post the exact opposite of a movement.

        Raises:
            NotFound: there is no movement of that key.
            Refused: as of `post`.
        """
        with self._work.begin() as unit:
            stored = unit.ledger.movement(key)
            if stored is None:
                raise NotFound(
                    f"没有变动“{key}”，请用 ledger movements 查看。"
                    f"there is no movement '{key}'; list them with: ledger movements"
                )
            if stored.movement is None:
                raise Refused(
                    f"变动 {key} 的记录已损坏：{stored.fault}。"
                    f"the rows of movement {key} are damaged: {stored.fault}"
                )
            added = post(unit, stored.movement.reversed(officer, reason), self._clock())
            unit.commit()
        return added

    def check(self) -> list[str]:
        """Everything that does not hold, from the rows alone; empty: the ledger is sound."""
        with self._work.begin(writes=False) as unit:
            return list(_Proof(unit).faults())


def post(unit: LedgerUnit, movement: Movement, utc_ms: int) -> bool:
    """Post within a unit of work that does more; as `Ledger.post`."""
    accounts = [posting.account for posting in movement.postings]
    balances = unit.ledger.lock(accounts)
    stored = unit.ledger.movement(movement.key)
    if stored is not None:
        if stored.sha256 != movement.sha256:
            raise Refused(
                f"键 {movement.key} 已用于另一笔变动，请换一个。"
                f"the key {movement.key} was used for another movement"
            )
        return False
    for posting in movement.postings:
        left = balances[posting.account.name] + posting.amount
        if posting.account.floored and left < 0:
            raise Refused(_short(posting, balances[posting.account.name], movement))
    unit.ledger.add(movement, utc_ms)
    unit.log.append_pending(MOVEMENT_ENTRY, movement.key, movement.to_bytes())
    return True


def _short(posting: Posting, balance: int, movement: Movement) -> str:
    """What an account lacks, in the words of its unit, and what fills it where a command does."""
    account = posting.account
    fen = account.unit is Unit.FEN
    holds_zh, needs_zh = (_amount(one, fen, "元", "项") for one in (balance, -posting.amount))
    holds, needs = (_amount(one, fen, "yuan", "awards") for one in (balance, -posting.amount))
    purpose, _sign, key = account.name.partition(":")
    programme, _sign, year = key.partition("/")
    step = (
        f"kashi-server ledger appropriate {programme} {year} YUAN --officer LOGIN --second LOGIN"
        " --reason REASON --document DOCUMENT"
    )
    filled = purpose in FILLED_BY_HAND
    return (
        f"科目 {account.name} 余额为 {holds_zh}，"
        f"{movement.kind} {movement.reference} 需要 {needs_zh}"
        f"{f'；由两名经办人下达预算：{step}' if filled else ''}。"
        f"{account.name} holds {holds}; {movement.kind} {movement.reference} needs {needs}"
        f"{f'; two officers put money in: {step}' if filled else ''}"
    )


def _amount(amount: int, fen: bool, money: str, awards: str) -> str:
    return f"{yuan_text(amount)} {money}" if fen else f"{amount} {awards}"


class _Proof:
    """One reading of the whole ledger."""

    def __init__(self, unit: LedgerUnit) -> None:
        self._unit = unit
        self._balances: dict[str, int] = {}
        self._keys: set[str] = set()

    def faults(self) -> Iterator[str]:
        """1. each movement by itself; 2. floors after each; 3. balances; 4. the log."""
        entries: list[bytes] = []
        for stored in self._unit.ledger.movements():
            name, key = stored.movement_id, stored.key
            if stored.movement is None:
                yield because(f"变动 {name}（{key}）", f"movement {name} ({key})", stored.fault)
                continue
            for zh, en in self._movement(stored.movement, stored.sha256):
                yield f"变动 {name}（{key}）：{zh}。movement {name} ({key}): {en}"
            entries.append(stored.movement.to_bytes())
        yield from self._beside()
        logged = sorted(self._unit.log.logged(MOVEMENT_ENTRY))
        if logged != sorted(entries):
            missing = len(set(logged) - set(entries))
            strange = len(set(entries) - set(logged))
            yield (
                f"日志有 {len(logged)} 笔变动，台账有 {len(entries)} 笔："
                f"日志中的 {missing} 笔不在台账，台账中的 {strange} 笔不在日志。"
                f"the log holds {len(logged)} movements, the ledger {len(entries)}: {missing} of"
                f" the log are not in the ledger, {strange} of the ledger not in the log"
            )

    def _movement(self, movement: Movement, sha256: bytes) -> Iterator[tuple[str, str]]:
        """What is wrong with one movement, in Chinese and in English."""
        if movement.sha256 != sha256:
            yield "各行的哈希与其旁所存不符", "its rows do not have the hash stored beside it"
        if movement.key in self._keys:
            yield "同一个键出现两次", "its key is there twice"
        self._keys.add(movement.key)
        for posting in movement.postings:
            name = posting.account.name
            self._balances[name] = self._balances.get(name, 0) + posting.amount
            if posting.account.floored and self._balances[name] < 0:
                left = self._balances[name]
                yield f"使科目 {name} 余额为 {left}", f"leaves {name} at {left}"

    def _beside(self) -> Iterator[str]:
        stored = {one.account.name: one.amount for one in self._unit.ledger.balances()}
        for name in sorted(stored.keys() | self._balances.keys()):
            found, expected = stored.get(name), self._balances.get(name, 0)
            if found != expected:
                yield (
                    f"科目 {name} 余额记为 {'无' if found is None else found}，"
                    f"其分录合计为 {expected}。"
                    f"{name} stands at {found}; its postings come to {expected}"
                )
