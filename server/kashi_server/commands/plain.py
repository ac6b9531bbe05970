"""Text from elsewhere as a terminal may show it."""


def plain(text: str) -> str:
    """The text with everything that a terminal would obey, or could not show, written out."""
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)
