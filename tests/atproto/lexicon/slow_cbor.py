"""DAG-CBOR written for reading, to test the fast one by: RFC 8949 and the DAG-CBOR specification, nothing skipped."""

from base64 import b32decode, b64decode

from atpub.atproto.data import Json

UNSIGNED, NEGATIVE, BYTES, TEXT, LIST, MAP, TAG = range(7)


def slow_encode(value: Json) -> bytes:
    match value:
        case None:
            return b"\xf6"
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return head(UNSIGNED, value) if value >= 0 else head(NEGATIVE, -1 - value)
        case str():
            text = value.encode()
            return head(TEXT, len(text)) + text
        case list():
            return head(LIST, len(value)) + b"".join(map(slow_encode, value))
        case {"$link": str(cid), **rest} if not rest:
            raw = b"\0" + b32decode(cid[1:].upper() + "=" * (-len(cid[1:]) % 8))
            return head(TAG, 42) + head(BYTES, len(raw)) + raw
        case {"$bytes": str(text), **rest} if not rest:
            raw = b64decode(text + "=" * (-len(text) % 4))
            return head(BYTES, len(raw)) + raw
        case dict():
            fields = sorted(value.items(), key=lambda field: (len(field[0].encode()), field[0].encode()))
            return head(MAP, len(fields)) + b"".join(slow_encode(key) + slow_encode(item) for key, item in fields)
        case _:
            raise TypeError(value)


def head(major: int, argument: int) -> bytes:
    """The type and its argument, in as few bytes as hold it."""
    if argument < 24:
        return bytes([major << 5 | argument])
    size = next(size for size in range(4) if argument < 1 << 8 * 2**size)
    return bytes([major << 5 | 24 + size]) + argument.to_bytes(2**size, "big")
