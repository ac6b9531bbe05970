"""What a host is told before it is enrolled."""

import pytest
from kashi_agent.commands.notice import notice
from kashi_agent.config import AgentConfig
from kashi_agent.enrolment import HostFacts
from kashi_agent.key_token import KeyToken
from kashi_agent.naming import NamePolicy

FACTS = HostFacts(
    hostname="gpu07", machine_sha256=bytes(32), operating_system="Linux", architecture="x86_64"
)


@pytest.mark.parametrize(
    ("policy", "zh", "en"),
    [
        (NamePolicy.NONE, "名称：不发送", "names: none"),
        (NamePolicy.HASH, "名称：加盐散列", "names: hash"),
        (NamePolicy.PLAIN, "名称：明文", "names: plain"),
    ],
)
def test_it_says_what_is_sent_of_the_names_of_holders(policy: NamePolicy, zh: str, en: str) -> None:
    """As the setting stands, in both languages."""
    told = notice("server:1", AgentConfig(holder_names=policy), FACTS)

    assert zh in told
    assert en in told


def test_it_says_which_devices_are_only_counted() -> None:
    """Only where the setting leaves some out."""
    some = AgentConfig(reported_devices=frozenset({"GPU-1", "GPU-2"}))

    assert "只报告设置列出的 2 个" in notice("server:1", some, FACTS)
    assert "the 2 that reported_devices lists" in notice("server:1", some, FACTS)
    assert "reported_devices" not in notice("server:1", AgentConfig(), FACTS)


def test_it_says_what_is_kept_where_and_for_how_long() -> None:
    """On this host for 35 days; on the server all of it, with nothing deleted by itself."""
    told = notice("server:1", AgentConfig(), FACTS)

    assert "本机保存 35 天" in told
    assert "在服务器上长期保存" in told
    assert "on this host 35 days" in told
    assert "On the server all that is sent, for\ngood" in told
    assert "Kashi deletes none of it by itself" in told


def test_it_names_what_is_to_hold_the_report_key() -> None:
    """Maker, model and serial number, and that the key never leaves it; without a token neither."""
    token = KeyToken(manufacturer="SoftHSM project", model="SoftHSM v2", serial="d13b7fe8")
    told = notice("server:1", AgentConfig(), FACTS, token)

    assert "报告密钥在密钥令牌中，永不离开它" in told
    assert "SoftHSM project SoftHSM v2 d13b7fe8（制造商、型号、序列号）" in told
    assert "SoftHSM project SoftHSM v2 d13b7fe8 (maker, model, serial number)" in told
    assert "令牌" not in notice("server:1", AgentConfig(), FACTS)
