"""Two officers, and the release of a held host by them, as the command does it."""

from collections.abc import Callable, Sequence

from kashi_server.services.accounts import AccountDraft, Role
from kashi_server.services.releasing import Releasing
from kashi_server.services.restoration import Restoration, Restored
from kashi_server.storage.unit_of_work import Work

OFFICERS = ("officer-a", "officer-b")


def add_officers(work: Work, *logins: str) -> None:
    """Accounts of officers, as far as there are none of these logins."""
    with work.begin() as unit:
        for login in logins or OFFICERS:
            if unit.accounts.by_login(login) is None:
                unit.accounts.add(
                    AccountDraft(
                        login=login,
                        password_hash="-",
                        role=Role.OFFICER,
                        party_id=None,
                        created_utc_ms=0,
                    )
                )
        unit.commit()


def releasing(work: Work, clock: Callable[[], int]) -> Releasing:
    """The use case."""
    return Releasing(work, clock, Restoration(work, clock))


def release(
    work: Work, clock: Callable[[], int], host_id: str, officers: Sequence[str] = OFFICERS
) -> Restored:
    """Both give their word; what the second one's restores."""
    add_officers(work, *officers)
    both = releasing(work, clock)
    assert both.release(host_id, officers[0], "seen on site") is None
    restored = both.release(host_id, officers[1], "seen on site as well")
    assert restored is not None
    return restored
