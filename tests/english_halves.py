"""What a refusal in both languages says in English, beside the place that it names."""


def english_too(said: object) -> str:
    """The text with each line's Chinese half left out, and then the text as it is.

    A line is `PLACE: 中文一句。English sentence`, and the place may be Chinese: a column's name.
    """
    return "\n".join((*map(_english, str(said).splitlines()), str(said)))


def _english(line: str) -> str:
    before, stop, sentence = line.rpartition("。")
    place, colon, _chinese = before.rpartition(": ")
    return f"{place}{colon}{sentence}" if stop else line
