"""A second rating, written to be obvious: minute by minute, in fractions, sharing no code.

It knows a world of plain tuples and adds up one minute at a time. Slow and simple; the rating under
test must agree with it on every line.
"""

from dataclasses import dataclass
from fractions import Fraction

Span = tuple[int, int]
"""[start, end) in UTC minutes."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything of one device.

    Attributes:
        period: what is rated.
        stays: (host, span) in which the device served there.
        seen: (host, minute) -> observed milliseconds.
        leases: (contract, span, confirmed).
        prices: (contract, span, price id, yuan per card-hour).
        owners: (host, span, owner, self-owned).
        providers: contract -> provider.
        share: of a card.
    """

    period: Span
    stays: tuple[tuple[str, Span], ...]
    seen: dict[tuple[str, int], int]
    leases: tuple[tuple[str, Span, bool], ...]
    prices: tuple[tuple[str, Span, str, Fraction], ...]
    owners: tuple[tuple[str, Span, str, bool], ...]
    providers: dict[str, str]
    share: Fraction


@dataclass(frozen=True, kw_only=True)
class NaiveLine:
    """What a line must come to."""

    start: int
    end: int
    host: str
    statement: str
    price_id: str | None
    leased_ms: int
    observed_ms: int
    gap_ms: int
    billed_ms: int
    fen: int
    reasons: frozenset[str]


def rate_naively(world: World) -> list[NaiveLine]:
    """Lines in order of time."""
    lines: list[NaiveLine] = []
    run: list[tuple[int, tuple[str, str, str | None, frozenset[str], bool, Fraction], int]] = []
    for minute in range(*world.period):
        host = _one([host for host, span in world.stays if _in(minute, span)])
        if host is None:
            lines += _line(run, world.share)
            run = []
            continue
        key, observed_ms = _minute(world, host, minute)
        if run and run[-1][1] != key:
            lines += _line(run, world.share)
            run = []
        run.append((minute, key, observed_ms))
    return lines + _line(run, world.share)


def _in(minute: int, span: Span) -> bool:
    return span[0] <= minute < span[1]


def _one(found: list[str]) -> str | None:
    assert len(found) < 2, "the world is ambiguous"
    return found[0] if found else None


def _minute(
    world: World, host: str, minute: int
) -> tuple[tuple[str, str, str | None, frozenset[str], bool, Fraction], int]:
    claims = {h: ms for (h, m), ms in world.seen.items() if m == minute}
    total_ms = sum(claims.values())
    disputed = total_ms > 60_000
    observed_ms = claims.get(host, 0) if disputed else total_ms
    owned = [
        (o, self_owned)
        for h, span, o, self_owned in world.owners
        if h == host and _in(minute, span)
    ]
    owner, self_owned = owned[0] if owned else ("operator", False)
    reasons: set[str] = {"conflict"} if disputed else set()
    lease = _one([c for c, span, confirmed in world.leases if confirmed and _in(minute, span)])
    if lease is None:
        proposed = any(_in(minute, span) for _c, span, _confirmed in world.leases)
        if proposed:
            reasons.add("assignment_unconfirmed")
        if not owned:
            reasons.add("owner_unknown")
        elif self_owned:
            reasons.add("self_owned")
        elif not proposed:
            reasons.add("unleased")
        return (host, owner, None, frozenset(reasons), False, Fraction(0)), observed_ms
    if not owned:
        reasons.add("owner_unknown")
    elif self_owned:
        reasons.add("self_owned")
    elif owner != world.providers[lease]:
        reasons.add("provider_not_owner")
    price = [(p, yuan) for c, span, p, yuan in world.prices if c == lease and _in(minute, span)]
    price_id, yuan = price[0] if price else (None, Fraction(0))
    if price_id is None:
        reasons.add("no_price")
    return (host, lease, price_id, frozenset(reasons), True, yuan), observed_ms


def _line(
    run: list[tuple[int, tuple[str, str, str | None, frozenset[str], bool, Fraction], int]],
    share: Fraction,
) -> list[NaiveLine]:
    if not run:
        return []
    host, statement, price_id, reasons, leased, yuan = run[0][1]
    observed_ms = sum(ms for _minute_of, _key, ms in run)
    billed_ms = observed_ms if leased and not reasons else 0
    exact_fen = Fraction(billed_ms) * share * yuan * 100 / 3_600_000
    return [
        NaiveLine(
            start=run[0][0],
            end=run[-1][0] + 1,
            host=host,
            statement=statement,
            price_id=price_id,
            leased_ms=60_000 * len(run) if leased else 0,
            observed_ms=observed_ms,
            gap_ms=60_000 * len(run) - observed_ms,
            billed_ms=billed_ms,
            fen=exact_fen.numerator // exact_fen.denominator,
            reasons=reasons,
        )
    ]
