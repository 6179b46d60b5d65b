"""Times written as text, read by a compiled kernel: strict, without locale, the same on every machine.

O(bytes) time; 13 bytes of output per text. A date that no calendar has (31 February) is refused: the C library would
move it to March. `read_clock_texts_slowly` in tests/lib is the obvious reference.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND

NO_OFFSET = -(1 << 31)

DIRECTIVES = "YymdbBHIMSfpz"
_CODES = {letter: -1 - place for place, letter in enumerate(DIRECTIVES)}
_YEAR, _YEAR2, _MONTH, _DAY, _NAME, _FULLNAME, _HOUR, _HOUR12, _MINUTE, _SECOND, _FRACTION, _HALF, _OFFSET = (
    _CODES[letter] for letter in DIRECTIVES
)
_MONTHS = np.frombuffer(b"janfebmaraprmayjunjulaugsepoctnovdec", dtype=np.uint8)
_FULL_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_REST = np.zeros((12, 8), dtype=np.uint8)
for _place, _name in enumerate(_FULL_MONTHS):
    _REST[_place, : len(_name) - 3] = np.frombuffer(_name[3:].encode(), dtype=np.uint8)
_ISO = np.zeros(0, dtype=np.int32)
_WIDTHS = {_YEAR: 4, _MONTH: 2, _DAY: 2, _HOUR: 2, _MINUTE: 2, _SECOND: 2}
_FIELDS = {_YEAR: 0, _MONTH: 1, _DAY: 2, _HOUR: 3, _MINUTE: 4, _SECOND: 5}
_T_OR_BLANK = -100


@dataclass(frozen=True)
class ClockTexts:
    """What the texts showed. All arrays have one entry per text.

    `wall_us`: microseconds since 1970 on the clock that wrote the text. `offset_seconds`: its offset from UTC, or
    `NO_OFFSET` where the text has none. `readable`: False for empty cells and for texts of another form.
    """

    wall_us: NDArray[np.int64]
    offset_seconds: NDArray[np.int32]
    readable: NDArray[np.bool_]


def unknown_directives(form: str) -> list[str]:
    """The `%` directives of a format that are not supported, `%` itself excepted."""
    letters = [form[place + 1 : place + 2] for place in range(len(form)) if form[place] == "%"]
    return [f"%{letter}" for letter in letters if letter == "" or letter not in DIRECTIVES]


def has_hours(form: str) -> bool:
    """Whether a pattern of `%` directives reads an hour."""
    return any(code in (_HOUR, _HOUR12) for code in _pattern(form).tolist())


def read_clock_texts(texts: pa.Array, form: str) -> ClockTexts:
    """Read texts of a format: `iso`, or a pattern of `%` directives. Blanks around a text are ignored."""
    offsets, content = string_buffers(texts)
    wall = np.zeros(len(texts), dtype=np.int64)
    zone = np.full(len(texts), NO_OFFSET, dtype=np.int32)
    readable = np.zeros(len(texts), dtype=np.bool_)
    pattern = _ISO if form == "iso" else _pattern(form)
    layout = _iso_layout() if form == "iso" else _fixed_layout(pattern)
    _read_all(content, offsets, pattern, layout, wall, zone, readable)
    if texts.null_count:
        readable &= np.asarray(texts.is_valid())
    return ClockTexts(wall_us=wall, offset_seconds=zone, readable=readable)


def string_buffers(texts: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Where each text of a string array starts and ends, and their bytes. Shapes (texts + 1,), (bytes,)."""
    _, offsets, content = texts.buffers()
    starts = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1] if offsets else None
    if starts is None or len(starts) == 0:
        starts = np.zeros(len(texts) + 1, dtype=np.int32)
    return starts, np.frombuffer(content, dtype=np.uint8) if content else np.zeros(0, dtype=np.uint8)


def _pattern(form: str) -> NDArray[np.int32]:
    codes, place = [], 0
    while place < len(form):
        if form[place] == "%":
            codes.append(_CODES[form[place + 1]])
            place += 2
        else:
            codes.extend(form[place].encode())
            place += 1
    return np.array(codes, dtype=np.int32)


def _fixed_layout(pattern: NDArray[np.int32]) -> NDArray[np.int32]:
    """What stands at each place of a text written in full: a sign, or a digit of field `-1 - code`.

    Empty where a directive has no fixed width, or the text is no whole date. Texts that fit are read without looking
    for where their numbers end; the others in the slow way.
    """
    layout: list[int] = []
    met: list[int] = []
    for code in pattern.tolist():
        if code >= 0:
            layout.append(code)
        elif code in _WIDTHS and code not in met:
            layout.extend([-1 - _FIELDS[code]] * _WIDTHS[code])
            met.append(code)
        else:
            return np.zeros(0, dtype=np.int32)
    return np.array(layout if {_YEAR, _MONTH, _DAY} <= set(met) else [], dtype=np.int32)


def _iso_layout() -> NDArray[np.int32]:
    layout = _fixed_layout(_pattern("%Y-%m-%dT%H:%M:%S"))
    layout[10] = _T_OR_BLANK
    return layout


@njit(cache=True, nogil=True)
def _fixed(content, start, layout, fields):  # type: ignore[no-untyped-def]
    """Whether a text stands in a layout, its numbers in `fields`."""
    for place in range(len(layout)):
        sign, code = content[start + place], layout[place]
        if code >= 0:
            if sign != code:
                return False
        elif code == _T_OR_BLANK:
            if sign != 84 and sign != 32:
                return False
        else:
            digit = np.int64(sign) - 48
            if digit < 0 or digit > 9:
                return False
            fields[-1 - code] = fields[-1 - code] * 10 + digit
    return True


@njit(cache=True, nogil=True)
def _read_all(content, offsets, pattern, layout, wall, zone, readable):  # type: ignore[no-untyped-def]
    fields = np.zeros(9, dtype=np.int64)  # year to microsecond, offset from UTC, half of the day
    parts = np.zeros(9, dtype=np.int64)
    for row in range(len(wall)):
        start, end = offsets[row], offsets[row + 1]
        ends_in_z = len(pattern) == 0 and end - start == len(layout) + 1 and content[end - 1] == 90
        if end > start and (end - start == len(layout) or ends_in_z):
            parts[:7] = 0
            if _fixed(content, start, layout, parts):
                if _is_a_date(parts):
                    wall[row] = _wall_us(parts)
                    readable[row] = True
                    if ends_in_z:
                        zone[row] = 0
                continue
        while start < end and content[start] == 32:
            start += 1
        while end > start and content[end - 1] == 32:
            end -= 1
        fields[:] = 0
        fields[0], fields[1], fields[2], fields[7] = 1970, 1, 1, NO_OFFSET
        if len(pattern) == 0:
            fine = end > start and _iso(content, start, end, fields)
        else:
            fine = end > start and _by_pattern(content, start, end, pattern, fields)
        if fine and _is_a_date(fields):
            wall[row] = _wall_us(fields)
            zone[row] = fields[7]
            readable[row] = True


@njit(cache=True, nogil=True)
def _digits(content, place, end, most):  # type: ignore[no-untyped-def]
    value, seen = 0, 0
    while seen < most and place + seen < end and 48 <= content[place + seen] <= 57:
        value = value * 10 + content[place + seen] - 48
        seen += 1
    return value, seen


@njit(cache=True, nogil=True)
def _iso(content, place, end, fields):  # type: ignore[no-untyped-def]
    place = _two_parts(content, _part(content, place, end, 0, 4, fields), end, 1, 45, fields)
    if place < 0 or place == end:
        return place == end
    if content[place] != 84 and content[place] != 32:
        return False
    place = _part(content, place + 1, end, 3, 2, fields)
    place = _next_part(content, place, end, 4, 58, fields)
    if 0 <= place < end and content[place] == 58:
        place = _next_part(content, place, end, 5, 58, fields)
    if 0 <= place < end and content[place] == 46:
        seen = _fraction(content, place + 1, end, fields)
        place = place + seen + 1 if seen else -1
    if 0 <= place < end:
        place = _utc_offset(content, place, end, fields)
    return place == end


@njit(cache=True, nogil=True)
def _part(content, place, end, field, width, fields):  # type: ignore[no-untyped-def]
    """The place after a number of exactly so many digits, which is kept; -1 where there is none, or `place` was."""
    if place < 0:
        return -1
    fields[field], seen = _digits(content, place, end, width)
    return place + seen if seen == width else -1


@njit(cache=True, nogil=True)
def _next_part(content, place, end, field, sign, fields):  # type: ignore[no-untyped-def]
    """The place after a sign and two digits."""
    if place < 0 or place >= end or content[place] != sign:
        return -1
    return _part(content, place + 1, end, field, 2, fields)


@njit(cache=True, nogil=True)
def _two_parts(content, place, end, field, sign, fields):  # type: ignore[no-untyped-def]
    place = _next_part(content, place, end, field, sign, fields)
    return _next_part(content, place, end, field + 1, sign, fields)


@njit(cache=True, nogil=True)
def _fraction(content, place, end, fields):  # type: ignore[no-untyped-def]
    value, seen = _digits(content, place, end, 9)
    for _ in range(9 - seen):
        value *= 10
    fields[6] = value // 1000
    return seen


@njit(cache=True, nogil=True)
def _utc_offset(content, place, end, fields):  # type: ignore[no-untyped-def]
    """The place after an offset (`Z`, `+01`, `+0100`, `+01:00`), or -1 where there is none."""
    if place < end and (content[place] == 90 or content[place] == 122):
        fields[7] = 0
        return place + 1
    if place >= end or (content[place] != 43 and content[place] != 45):
        return -1
    sign = 1 if content[place] == 43 else -1
    hours, seen = _digits(content, place + 1, end, 2)
    if seen != 2 or hours > 23:
        return -1
    place += 3
    minutes = 0
    if place < end:
        if content[place] == 58:
            place += 1
        minutes, seen = _digits(content, place, end, 2)
        if seen != 2 or minutes > 59:
            return -1
        place += 2
    fields[7] = sign * (hours * 3600 + minutes * 60)
    return place


@njit(cache=True, nogil=True)
def _by_pattern(content, place, end, pattern, fields):  # type: ignore[no-untyped-def]
    fields[8] = -1
    for step in range(len(pattern)):
        code = pattern[step]
        if code >= 0:
            place = place + 1 if place < end and content[place] == code else -1
        else:
            # Digits that touch another directive have no separator to end them: all of them must be there.
            touching = (step + 1 < len(pattern) and pattern[step + 1] < 0) or (step > 0 and pattern[step - 1] < 0)
            place = _directive(content, place, end, code, touching, fields)
        if place < 0:
            return False
    return place == end and _with_half(fields)


@njit(cache=True, nogil=True)
def _directive(content, place, end, code, touching, fields):  # type: ignore[no-untyped-def]
    """The place after what one directive reads, or -1."""
    if code in (_NAME, _FULLNAME):
        return _month_name(content, place, end, fields)
    if code == _HALF:
        return _half(content, place, end, fields)
    if code == _OFFSET:
        return _utc_offset(content, place, end, fields)
    if code == _FRACTION:
        seen = _fraction(content, place, end, fields)
        return place + seen if seen else -1
    return _number(content, place, end, code, touching, fields)


@njit(cache=True, nogil=True)
def _half(content, place, end, fields):  # type: ignore[no-untyped-def]
    """The place after AM or PM."""
    if place + 2 > end or (content[place + 1] | 32) != 109:
        return -1
    letter = content[place] | 32
    if letter not in (97, 112):
        return -1
    fields[8] = 1 if letter == 112 else 0
    return place + 2


@njit(cache=True, nogil=True)
def _with_half(fields):  # type: ignore[no-untyped-def]
    """Turns an hour from 1 to 12 into one of the day, where the pattern has AM or PM."""
    if fields[8] < 0:
        return True
    if fields[3] < 1 or fields[3] > 12:
        return False
    fields[3] = fields[3] % 12 + 12 * fields[8]
    return True


@njit(cache=True, nogil=True)
def _number(content, place, end, code, touching, fields):  # type: ignore[no-untyped-def]
    width = 4 if code == _YEAR else 2
    value, seen = _digits(content, place, end, width)
    if seen == 0 or ((touching or code in (_YEAR, _YEAR2)) and seen != width):
        return -1
    if code == _YEAR:
        fields[0] = value
    elif code == _YEAR2:
        fields[0] = value + (1900 if value >= 69 else 2000)
    elif code == _MONTH:
        fields[1] = value
    elif code == _DAY:
        fields[2] = value
    elif code in (_HOUR, _HOUR12):
        fields[3] = value
    elif code == _MINUTE:
        fields[4] = value
    else:
        fields[5] = value
    return place + seen


@njit(cache=True, nogil=True)
def _month_name(content, place, end, fields):  # type: ignore[no-untyped-def]
    if place + 3 > end:
        return -1
    for month in range(12):
        same = True
        for letter in range(3):
            same = same and (content[place + letter] | 32) == _MONTHS[month * 3 + letter]
        if same:
            fields[1] = month + 1
            return place + 3 + _rest_of_name(content, place + 3, end, month)
    return -1


@njit(cache=True, nogil=True)
def _rest_of_name(content, place, end, month):  # type: ignore[no-untyped-def]
    length = 0
    while length < 8 and _REST[month, length] != 0:
        if place + length >= end or (content[place + length] | 32) != _REST[month, length]:
            return 0
        length += 1
    return length


@njit(cache=True, nogil=True)
def _is_a_date(fields):  # type: ignore[no-untyped-def]
    year, month, day = fields[0], fields[1], fields[2]
    if year < 1 or month < 1 or month > 12 or day < 1 or fields[3] > 23 or fields[4] > 59 or fields[5] > 59:
        return False
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return day <= (29 if leap else 28)
    return day <= (30 if month == 4 or month == 6 or month == 9 or month == 11 else 31)


@njit(cache=True, nogil=True)
def _wall_us(fields):  # type: ignore[no-untyped-def]
    """Days of the civil calendar: H. Hinnant, chrono-Compatible Low-Level Date Algorithms, days_from_civil."""
    year = fields[0] - (1 if fields[1] <= 2 else 0)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((fields[1] + 9) % 12) + 2) // 5 + fields[2] - 1
    days = era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468
    seconds = fields[3] * 3600 + fields[4] * 60 + fields[5]
    return days * MICROSECONDS_PER_DAY + seconds * MICROSECONDS_PER_SECOND + fields[6]
