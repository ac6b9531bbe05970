"""Text from elsewhere as a terminal may show it: files and hosts write nothing but text there."""

from typing import Any

from rich.console import Console
from rich.text import Text


def plain(text: str) -> str:
    """The text with everything that a terminal would obey, or could not show, written out."""
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


class PlainConsole(Console):
    """A console to which brackets and colons in a text are brackets and colons."""

    def __init__(self) -> None:
        """On standard output."""
        super().__init__(markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **how: Any) -> Text:
        """As the console does; cells of tables and what is printed come by here."""
        return super().render_str(plain(text), **how)
