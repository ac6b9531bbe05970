"""Names in control groups, whatever stands there: users and containers take nobody else's."""

from hypothesis import given
from hypothesis import strategies as st
from kashi_agent.holding.cgroups import holder_of_cgroups
from kashi_agent.sample import HolderKind

CONTAINER = "0123456789abcdef" * 4
UID = "6f1c2f6e-9f0b-4d0e-8a51-6b1f0f9a7c11"

NAMED = st.sampled_from(
    [
        f"/docker/{CONTAINER}",
        f"/system.slice/docker-{CONTAINER}.scope",
        f"/kubepods/pod{UID}",
        f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice",
        "/slurm/uid_1000/job_7",
        "/system.slice/slurmstepd.scope/job_7",
    ]
)
USERS = st.sampled_from(["/user.slice", "/user.slice/user-1000.slice/user@1000.service"])
PARTS = st.one_of(
    st.text(st.characters(blacklist_characters="/\n"), min_size=1),  # what the kernel refuses
    st.sampled_from([f"x{end}0::" for end in "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"]),
    st.sampled_from(
        ["slurm", "uid_0", "job_9", "slurmstepd.scope", "system.slice", "user.slice", "x.service",
         f"docker-{'f' * 64}.scope", "f" * 64, f"pod{'0' * 32}", "kubepods", "docker",
         CONTAINER]
    ),
)  # fmt: skip
TAILS = st.lists(PARTS, max_size=6).map(lambda parts: "".join(f"/{part}" for part in parts))


@given(st.text())
def test_any_text_is_read_without_a_fault(text: str) -> None:
    """A kernel that writes otherwise stops no meter."""
    holder_of_cgroups(text)


@given(NAMED, TAILS)
def test_what_stands_further_in_changes_nothing(path: str, tail: str) -> None:
    """Whoever is inside a pod, job or container can make groups of any name: it stays theirs."""
    assert holder_of_cgroups(f"0::{path}{tail}\n") == holder_of_cgroups(f"0::{path}\n") is not None


@given(USERS, TAILS)
def test_below_the_users_slice_nothing_is_believed(path: str, tail: str) -> None:
    """A user's own groups name nobody, whatever they are called."""
    assert holder_of_cgroups(f"0::{path}{tail}\n") is None


@given(TAILS)
def test_without_a_name_that_the_host_gave_nobody_is_a_slurm_job(tail: str) -> None:
    """A job's number counts only where slurmstepd puts it, at the top of the tree."""
    holder = holder_of_cgroups(f"0::/system.slice/app.service{tail}\n")

    assert holder is None or holder.kind is not HolderKind.SLURM_JOB
