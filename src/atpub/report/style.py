"""Terminal colours, sizes and counts; `PLAIN` is the style without colours.

A style escapes the text that it is given: whatever comes from others is printed through one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from atpub.report.escape import escape_terminal


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


PLAIN: Final = Style()
BOLD, FAINT, RED, GREEN, YELLOW, CYAN = 1, 2, 31, 32, 33, 36
