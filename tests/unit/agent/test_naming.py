"""Holders are told apart without being told."""

import hashlib
import hmac

import pytest
from kashi_agent.naming import CACHE_SIZE_MAX, HolderNaming, NamePolicy
from kashi_agent.sample import Holder, HolderKind

SALT = bytes(range(32))
USER = Holder(HolderKind.USER, "lihua")


def test_a_key_is_hmac_of_kind_and_name() -> None:
    """16 bytes under the host's salt: whoever knows it can show which key a name has."""
    statement = b"kashi/holder-key\n" + bytes([HolderKind.USER]) + b"lihua"
    expected = hmac.new(SALT, statement, hashlib.sha256).digest()[:16]

    assert HolderNaming(SALT).key(USER).key == expected


def test_kind_name_and_host_tell_holders_apart() -> None:
    """A user and a unit of one name, or the same user on two hosts, have different keys."""
    naming = HolderNaming(SALT)
    keys = {
        naming.key(USER).key,
        naming.key(Holder(HolderKind.UNIT, "lihua")).key,
        naming.key(Holder(HolderKind.USER, "lihu")).key,
        HolderNaming(bytes(32)).key(USER).key,
    }

    assert len(keys) == 4


def test_names_go_as_far_as_the_setting() -> None:
    """None by default; a salted hash; or the name."""
    hashed = hmac.new(SALT, b"kashi/holder-name\nlihua", hashlib.sha256).hexdigest()

    assert HolderNaming(SALT).key(USER).name == ""
    assert HolderNaming(SALT, NamePolicy.HASH).key(USER).name == f"hmac-sha256:{hashed}"
    assert HolderNaming(SALT, NamePolicy.PLAIN).key(USER).name == "lihua"


def test_a_name_that_is_no_text_has_a_key() -> None:
    """/proc holds bytes; none of them stops the agent."""
    name = b"job-\xff\xfe".decode("utf-8", "surrogateescape")

    assert len(HolderNaming(SALT).key(Holder(HolderKind.PROCESS, name)).key) == 16


def test_memory_is_bounded_and_keys_stay() -> None:
    """A host with ever new processes forgets what it can compute again."""
    naming = HolderNaming(SALT)
    first = naming.key(USER)
    for number in range(2 * CACHE_SIZE_MAX):
        naming.key(Holder(HolderKind.PROCESS, str(number)))

    assert naming.key(USER) == first
    assert len(naming._known) <= CACHE_SIZE_MAX


def test_a_short_salt_is_refused() -> None:
    """32 bytes, or a key could be guessed."""
    with pytest.raises(ValueError, match="32 bytes"):
        HolderNaming(b"short")


def test_a_label_is_the_name_and_not_the_key() -> None:
    """People read a user's name; the key stays that of the user, whatever its name is now."""
    labelled = Holder(HolderKind.USER, "1000", "lihua")
    bare = Holder(HolderKind.USER, "1000")

    assert HolderNaming(SALT, NamePolicy.PLAIN).key(labelled).name == "lihua"
    assert HolderNaming(SALT, NamePolicy.PLAIN).key(bare).name == "1000"
    assert HolderNaming(SALT).key(labelled) == HolderNaming(SALT).key(bare)
