"""Times written as text, read slowly with the standard library: the obvious counterpart of the compiled reader."""

import re
from calendar import month_name
from datetime import datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1)
_OFFSET = r"(?P<offset>[Zz]|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)"
_ISO = rf"\d{{4}}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(\.\d{{1,9}})?{_OFFSET}?)?"
_SHAPES = {"Y": r"\d{4}", "f": r"\d{1,9}", "b": "[A-Za-z]{3,9}", "p": "[AaPp][Mm]", "z": _OFFSET}


def read_clock_text_slowly(text: str, form: str) -> tuple[int, int | None] | None:
    """Microseconds on the clock that wrote the text, and its offset in seconds; None where it cannot be read."""
    text = text.strip(" ")
    shape = re.fullmatch(_ISO if form == "iso" else _shape(form), text, re.ASCII)
    if shape is None:
        return None
    zone = _zone(shape["offset"]) if "offset" in shape.re.groupindex and shape["offset"] else None
    plain = text.removesuffix(shape["offset"]) if zone else text
    fraction = re.search(r"\.(\d+)$", plain)
    plain = re.sub(r"\.\d+$", "", plain)
    try:
        moment = datetime.fromisoformat(plain) if form == "iso" else _parsed(plain, form)
    except ValueError:
        return None
    late = int(fraction[1].ljust(9, "0")[:6]) if fraction else 0
    wall = (moment - _EPOCH) // timedelta(microseconds=1) + late
    return wall, None if zone is None else int(zone.utcoffset(None).total_seconds())


def _shape(form: str) -> str:
    """A pattern of the whole text: numbers of one or two digits, of exactly two where they touch another."""
    parts = re.findall(r"%(.)|([^%])", form)
    pieces = []
    for place, (directive, plain) in enumerate(parts):
        touching = any(parts[other][0] for other in (place - 1, place + 1) if 0 <= other < len(parts))
        number = r"\d\d" if touching else r"\d{1,2}"
        pieces.append(_SHAPES.get(directive, number) if directive else re.escape(plain))
    return "".join(pieces)


def _parsed(plain: str, form: str) -> datetime:
    for name in month_name[1:]:
        plain = re.sub(rf"\b{name}\b", name[:3], plain, flags=re.IGNORECASE)
    return datetime.strptime(plain, form.replace(".%f", "").replace("%z", ""))  # noqa: DTZ007 (the zone was cut off)


def _zone(offset: str) -> timezone:
    digits = offset[1:].replace(":", "").ljust(4, "0")
    length = timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) if digits.strip("0") else timedelta()
    return timezone(-length if offset[0] == "-" else length)
