"""What `explain` and its pages say of a fact, a person reads in Chinese first."""

import pytest
from kashi_server.domain.certificate import CertificateStatus
from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.services.trail_words import text_of


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("status", CertificateStatus.ISSUED, "有效 issued"),
        ("state", ClaimState.PUBLICISED, "公示 publicised"),
        ("step", Step.CLAW_BACK, "追回 claw back"),
        ("receipt_verdict", "VERDICT_ACCEPTED", "已收 accepted"),
        ("ratio.general", "0.50 [published] 第八条", "0.50 [已公布 published] 第八条"),
        ("startup.age", "— [unknown]", "— [未知 unknown]"),
        ("contract_id", "HT-[unknown]", "HT-[unknown]"),
        ("receipt_names_it", True, "是 yes"),
    ],
)
def test_words_of_facts_are_chinese_and_english(name: str, value: str | bool, said: str) -> None:
    """Codes have words; what people typed stands as it is."""
    assert text_of(name, value if isinstance(value, bool) else str(value)) == said


def test_every_state_and_step_has_words() -> None:
    """Nothing falls through as a bare code."""
    told = [text_of("state", str(one)) for one in ClaimState]
    told += [text_of("step", str(one)) for one in Step]
    told += [text_of("status", str(one)) for one in CertificateStatus]

    assert [one for one in told if one.isascii()] == []
