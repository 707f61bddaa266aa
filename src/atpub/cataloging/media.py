"""Images, arrays and sound as `data:` URLs that are small enough for a page; images are drawn anew."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from importlib import import_module
from io import BytesIO
from typing import Any, Final

from atpub.catalog.model import SampleValue
from atpub.cataloging.values import FieldValue
from atpub.shards.samples import NOT_READABLE, read_array

_SIDE: Final = 240
"""The most pixels of a side of a thumbnail."""
_SMALL: Final = 64
_LARGEST_SOUND: Final = 150_000
_MOST_PIXELS: Final = 50_000_000
_FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP")


def sample_value(value: FieldValue) -> SampleValue:
    """Return a value as a page shows it; without Pillow, images are left out."""
    match value.kind:
        case "image":
            return _drawn(value, lambda: _open_image(value.data))
        case "array":
            return _drawn(value, lambda: _draw_array(value.data))
        case "audio" if len(value.data) <= _LARGEST_SOUND:
            return SampleValue(value.name, "audio", value.text, _data_url(value.media_type or "", value.data))
        case _:
            return SampleValue(value.name, value.kind, value.text)


def _drawn(value: FieldValue, draw: Callable[[], Any]) -> SampleValue:
    try:
        image = draw()
        if image is None:
            return SampleValue(value.name, value.kind, value.text)
        image.thumbnail((_SIDE, _SIDE))
        url = _image_url(image)
    except (ImportError, OSError, *NOT_READABLE):  # a broken image is described, as one without Pillow
        return SampleValue(value.name, value.kind, value.text)
    return SampleValue(value.name, "image", value.text, url, is_small=max(image.size) <= _SMALL)


def _image_url(image: Any) -> str:
    """Return a thumbnail as a JPEG, or as a PNG where it has few pixels or may be transparent."""
    out = BytesIO()
    if max(image.size) <= _SMALL or image.mode in ("LA", "P", "PA", "RGBA"):
        image.convert("RGBA" if image.mode in ("LA", "P", "PA", "RGBA") else "RGB").save(out, "PNG", optimize=True)
        return _data_url("image/png", out.getvalue())
    image.convert("RGB").save(out, "JPEG", quality=80)
    return _data_url("image/jpeg", out.getvalue())


def _open_image(data: bytes) -> Any:
    """Read an image with Pillow; None where it has too many pixels."""
    pillow = import_module("PIL.Image")
    try:
        image = pillow.open(BytesIO(data), formats=_FORMATS)
    except pillow.DecompressionBombError:
        return None
    if image.width * image.height > _MOST_PIXELS:
        return None
    image.draft("RGB", (_SIDE, _SIDE))
    return import_module("PIL.ImageOps").exif_transpose(image)


def _draw_array(data: bytes) -> Any:
    """Draw an array of the shape of an image, grey or with three colours; None for any other."""
    numpy = import_module("numpy")
    array: Any = read_array(data)
    if not _is_image(array.shape) or array.dtype.kind not in "biuf":
        return None
    values = array.astype("float64")
    finite = values[numpy.isfinite(values)]
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    with numpy.errstate(all="ignore"):  # infinite values are black or white
        if array.dtype != numpy.uint8 or high <= _SMALL:
            values = (values - low) * (255 / (high - low) if high > low else 0.0)
        return import_module("PIL.Image").fromarray(numpy.nan_to_num(values).clip(0, 255).astype("uint8"))


def _is_image(shape: Sequence[int]) -> bool:
    has_sides = len(shape) in (2, 3) and all(4 <= side <= 2048 for side in shape[:2])
    return has_sides and (len(shape) == 2 or shape[2] == 3)


def _data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{b64encode(data).decode()}"
