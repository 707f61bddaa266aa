"""The array formats, such as ndarray, that the JSON Schema of a sample refers to."""

from __future__ import annotations

import re

from atpub.atproto.data import Json
from atpub.generated.science.alt.dataset import array_format

_ARRAY_FORMAT = re.compile(r"/atdata-([a-z-]+)/(\d+\.\d+\.\d+)(?=[/#]|$)")


def array_formats(content: Json) -> dict[str, Json]:
    """Return the version of each array format that a JSON Schema refers to, by the name that readers use."""
    known = {
        token.partition("#")[2] for token in vars(array_format).values() if isinstance(token, str) and "#" in token
    }
    found: dict[str, Json] = {}
    stack = [content]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
            reference = value.get("$ref")
            match = _ARRAY_FORMAT.search(reference) if isinstance(reference, str) else None
            if match:
                head, *tail = match[1].split("-")
                name = head + "".join(part.capitalize() for part in tail)
                if name in known:
                    found[name] = match[2]
        elif isinstance(value, list):
            stack.extend(value)
    return found
