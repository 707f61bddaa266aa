"""Terminal colours, and lines that fit a terminal; `PLAIN` is the style without both.

A style escapes the text that it is given: whatever comes from others is printed through one.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from atpub.report.escape import escape_terminal


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: wide characters take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # few texts need it

    return cell_len(text)


@dataclass(frozen=True, slots=True)
class Style:
    """A wrapper of text in terminal codes; without `colour` it only escapes the text.

    `width` is that of the terminal, None where there is none. Where `is_long` is set, reports shorten and leave out
    nothing.
    """

    colour: bool = False
    width: int | None = None
    is_long: bool = False

    def __call__(self, text: object, *codes: int) -> str:
        """Return the text, escaped, on one line, in these styles.

        The codes are those of ECMA-48: 1 bold, 2 faint, 31 red, 32 green, 33 yellow, 36 cyan.
        """
        shown = escape_terminal(str(text))
        return f"\033[{';'.join(map(str, codes))}m{shown}\033[0m" if self.colour and codes else shown

    def fits(self, text: str) -> bool:
        """Return whether a line may be printed as it is."""
        return self.is_long or self.width is None or columns(text) <= self.width

    def hang(self, text: str, *label: tuple[str, tuple[int, ...]], indent: str = "  ") -> str:
        """Return text after a label of parts with their styles, wrapped between words; later lines are indented."""
        plain, shown = escape_terminal("".join(part for part, _ in label)), escape_terminal(text)
        head = "".join(self(part, *codes) for part, codes in label)
        if self.width is None or self.width < _NARROWEST or self.fits(plain + shown):
            return head + shown
        first, *rest = wrap(
            shown,
            self.width,
            initial_indent=plain,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return "\n".join([head + first.removeprefix(plain), *rest])


_NARROWEST: Final = 20
PLAIN: Final = Style()
BOLD, FAINT, RED, GREEN, YELLOW, CYAN = 1, 2, 31, 32, 33, 36
