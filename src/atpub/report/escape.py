"""Text of others (records, servers, file names) made harmless for each format: terminals and logs, Markdown, HTML.

JSON needs nothing here: `json.dumps` escapes every control character where `ensure_ascii` is set, as it is by default.
"""

from __future__ import annotations

import json
import re
from typing import Final

_RANGES: Final = (
    "\0-\x1f\x7f-\x9f"  # C0, DEL and C1: colours, cursor, line breaks
    "\xad\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # the writing direction
    "\u2028\u2029\ud800-\udfff"  # line breaks, and what no encoding has
)
UNSAFE: Final = re.compile(f"[{_RANGES}]")
"""A character that acts on a terminal or a log, or hides text."""

_STYLE: Final = r"\033\[[0-9;]+m"
_PLAIN_OUTPUT: Final = re.compile(f"(\n)|[{_RANGES}]")
_STYLED_OUTPUT: Final = re.compile(f"(\n|{_STYLE})|[{_RANGES}]")
_MARKUP: Final = re.compile(r"[\\`*_{}\[\]<>#|~&@$^]|[:.](?=\S)|^[-+=]|(?<=\d)[.)](?=\s|$)")
_ADDRESS: Final = re.compile(r"(?<=\S)\\@(?=\S)")  # in an e-mail address: a backslash alone leaves it a link
_COMMAND: Final = re.compile(r"^([ \t]*):(?=:)", re.MULTILINE)  # a workflow command of CI: `::error::`


def escape_terminal(text: str) -> str:
    r"""Return text on one line, with `\u001b` for ESC; escaping twice changes nothing more."""
    return UNSAFE.sub(_escape_match, text)


def escape_lines(text: str) -> str:
    """Return text of several lines, each escaped; the lines end with LF."""
    return "\n".join(map(escape_terminal, text.splitlines()))


def escape_output(text: str, *, colour: bool) -> str:
    """Return whole lines to print; line breaks stay, and so do colours if the stream has them."""
    pattern = _STYLED_OUTPUT if colour else _PLAIN_OUTPUT
    return _COMMAND.sub(r"\1\\u003a", pattern.sub(lambda found: found[1] or _escape_match(found), text))


def escape_html(text: object) -> str:
    """Return the text of an HTML element or attribute."""
    from html import escape  # with a large table that pages alone need

    return escape(escape_terminal(str(text)))


def escape_markdown(text: object) -> str:
    r"""Return a code span: no link, mention, HTML or emphasis in it is live. A pipe, which ends a cell, is `\u007c`."""
    shown = escape_terminal(str(text)).replace("|", r"\u007c").strip()
    fence = markdown_fence(shown, least=1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}" if shown else ""


def escape_prose(text: str) -> str:
    """Return paragraphs of Markdown that read as the text does: no markup, HTML or link in it is live."""
    lines = (_MARKUP.sub(r"\\\g<0>", escape_terminal(line.strip())) for line in text.splitlines())
    return _ADDRESS.sub("<!-- -->\\@", "\n".join(lines).strip())


def escape_github(text: object) -> str:
    """Return the message of a workflow command of GitHub Actions, on one line."""
    return escape_terminal(str(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def escape_github_property(text: object) -> str:
    """Return the value of a property of a workflow command, which a comma or two colons would end."""
    return escape_github(text).replace(":", "%3A").replace(",", "%2C")


def markdown_fence(text: str, *, least: int = 3) -> str:
    """Return a fence that is longer than any run of backticks in the text."""
    return "`" * max(least, max((len(run) + 1 for run in re.findall("`+", text)), default=0))


def _escape_match(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]
