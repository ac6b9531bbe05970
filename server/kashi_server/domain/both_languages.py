"""Refusals in both languages: 中文一句。English sentence, in one text, the Chinese first."""

_FULL_STOP = "。"


def halves(text: str) -> tuple[str, str]:
    """The Chinese half of a refusal, without its full stop, and the English one.

    What is in one language only, like the words of a library, has no Chinese half: "".
    """
    zh, stop, en = text.rpartition(_FULL_STOP)
    return (zh, en) if stop and en else ("", text)


def because(zh: str, en: str, why: str | Exception) -> str:
    """What happened and why, in both languages; the words of a library are told once, as they are.

    Args:
        zh, en: what happened, without full stop or colon.
        why: the reason: a refusal of this house in both languages, or a library's own words.
    """
    reason_zh, reason_en = halves(str(why) or type(why).__name__)
    return f"{zh}{f'：{reason_zh}' if reason_zh else ''}{_FULL_STOP}{en}: {reason_en}"
