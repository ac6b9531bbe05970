"""What a driver counts and does not identify, in the words of both languages."""

from kashi_agent.sample import Absent, Device
from kashi_agent.state_words import absent_zh


def unidentified(zh: str, en: str, why: Absent) -> str:
    """That something does not tell what it is, with the driver's reason."""
    return f"{zh}：{absent_zh(why.reason)}。{en}: {why.reason}"


def partitions_untold(card: Device, why: Absent) -> str:
    """That nobody knows which partitions a card has."""
    name = card.hardware_id
    return unidentified(f"{name} 的分区", f"partitions of {name}", why)
