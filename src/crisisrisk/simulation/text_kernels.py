"""The compiled writers of digits, dates and lines: arrays in, bytes out.

Cost: a few nanoseconds for each byte written. Memory: the bytes of the rows given, nothing more. A text is a row of a
matrix of bytes with its length beside it; what lies behind the length is never read.
"""

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit

Letters = NDArray[np.uint8]
Lengths = NDArray[np.int32]

# Places of a pattern of time that are not a byte of their own.
YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, MONTH_NAME, OFFSET = -1, -2, -3, -4, -5, -6, -7, -8
_ZERO, _POINT, _MINUS, _NEWLINE = ord("0"), ord("."), ord("-"), ord("\n")


@njit(cache=True, nogil=True)
def write_whole(numbers, least_digits, letters, lengths):  # type: ignore[no-untyped-def]
    """Digits of whole numbers, with leading noughts up to `least_digits`; empty where negative."""
    for row in range(len(numbers)):
        lengths[row] = 0
        if numbers[row] >= 0:
            lengths[row] = _digits(numbers[row], least_digits, letters[row], 0)


@njit(cache=True, nogil=True)
def _digits(number, least_digits, letters, begins):  # type: ignore[no-untyped-def]
    """Write a number from `begins` on. Returns where it ends."""
    count, rest = 1, number // 10
    while rest > 0:
        count, rest = count + 1, rest // 10
    count = max(count, least_digits)
    for place in range(begins + count - 1, begins - 1, -1):
        letters[place] = _ZERO + number % 10
        number //= 10
    return begins + count


@njit(cache=True, nogil=True)
def write_decimals(numbers, places, letters, lengths):  # type: ignore[no-untyped-def]
    """Numbers with `places` decimals; empty where NaN."""
    scale = 10**places
    for row in range(len(numbers)):
        lengths[row] = 0
        if not np.isnan(numbers[row]):
            scaled = np.int64(np.rint(abs(numbers[row]) * scale))
            end = 0
            if numbers[row] < 0 and scaled > 0:
                letters[row, 0] = _MINUS
                end = 1
            end = _digits(scaled // scale, 1, letters[row], end)
            letters[row, end] = _POINT
            lengths[row] = _digits(scaled % scale, places, letters[row], end + 1)


@njit(cache=True, nogil=True)
def write_times(wall, offset, pattern, month_names, negative, letters, lengths):  # type: ignore[no-untyped-def]
    """Wall-clock seconds by a pattern; empty where negative, unless `negative` ones are times before 1970.

    `offset` is in seconds, for patterns that show it.
    """
    for row in range(len(wall)):
        lengths[row] = 0
        if wall[row] >= 0 or negative:
            lengths[row] = _time(wall[row], offset[row], pattern, month_names, letters[row])


@njit(cache=True, nogil=True)
def _time(wall, offset, pattern, month_names, letters):  # type: ignore[no-untyped-def]
    year, month, day = _date(wall // 86_400)
    second = wall % 86_400
    end = 0
    for part in pattern:
        if part == YEAR:
            end = _digits(year, 4, letters, end)
        elif part == MONTH:
            end = _digits(month, 2, letters, end)
        elif part == DAY:
            end = _digits(day, 2, letters, end)
        elif part == HOUR:
            end = _digits(second // 3_600, 2, letters, end)
        elif part == MINUTE:
            end = _digits(second // 60 % 60, 2, letters, end)
        elif part == SECOND:
            end = _digits(second % 60, 2, letters, end)
        elif part == MONTH_NAME:
            letters[end : end + 3] = month_names[month - 1]
            end += 3
        elif part == OFFSET:
            letters[end] = ord("+")
            end = _digits(offset // 3_600, 2, letters, end + 1)
            letters[end] = ord(":")
            end = _digits(offset // 60 % 60, 2, letters, end + 1)
        else:
            letters[end] = part
            end += 1
    return end


@njit(cache=True, nogil=True)
def _date(days):  # type: ignore[no-untyped-def]
    """Year, month and day of a day since 1970, in the Gregorian calendar counted from March (Hinnant's algorithm)."""
    shifted = days + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * of_year + 2) // 153
    day = of_year - (153 * march_month + 2) // 5 + 1
    month = march_month + 3 if march_month < 10 else march_month - 9
    return year_of_era + era * 400 + (1 if month <= 2 else 0), month, day


@njit(cache=True, nogil=True)
def join_lines(letters, begins, lengths, delimiter):  # type: ignore[no-untyped-def]
    """Rows of a CSV file. `letters` has the columns side by side, each from its place in `begins`. Shape (bytes,)."""
    rows, columns = lengths.shape
    size = rows * columns + lengths.sum()
    out = np.empty(size, dtype=np.uint8)
    end = 0
    for row in range(rows):
        for column in range(columns):
            begin, length = begins[column], lengths[row, column]
            for place in range(length):
                out[end + place] = letters[row, begin + place]
            end += length
            out[end] = delimiter if column < columns - 1 else _NEWLINE
            end += 1
    return out


@njit(cache=True, nogil=True)
def mistype(letters, lengths, kind, place, neighbours, out, out_lengths):  # type: ignore[no-untyped-def]
    """Texts with one typing error each: 0 none, 1 two letters swapped, 2 one left out, 3 one twice, 4 a key beside it.

    `place`, in [0, 1), says where in the text; `out` has one column more than `letters`.
    """
    for row in range(len(lengths)):
        length = lengths[row]
        for column in range(length):
            out[row, column] = letters[row, column]
        out_lengths[row] = length
        if kind[row] > 0 and length >= 3:
            out_lengths[row] = _mistyped(out[row], length, kind[row], 1 + int(place[row] * (length - 2)), neighbours)


@njit(cache=True, nogil=True)
def _mistyped(text, length, kind, at, neighbours):  # type: ignore[no-untyped-def]
    if kind == 1:
        text[at], text[at + 1 if at + 1 < length else at - 1] = text[at + 1 if at + 1 < length else at - 1], text[at]
    elif kind == 2:
        text[at : length - 1] = text[at + 1 : length].copy()
        length -= 1
    elif kind == 3:
        text[at + 1 : length + 1] = text[at:length].copy()
        length += 1
    else:
        text[at] = neighbours[text[at]]
    return length


@njit(cache=True, nogil=True)
def side_by_side(first, first_lengths, second, second_lengths, between, out, lengths):  # type: ignore[no-untyped-def]
    """Two texts in one cell with a letter between them (none if negative), left out where either is empty."""
    for row in range(len(lengths)):
        end = first_lengths[row]
        out[row, :end] = first[row, :end]
        if between >= 0 and end > 0 and second_lengths[row] > 0:
            out[row, end] = between
            end += 1
        out[row, end : end + second_lengths[row]] = second[row, : second_lengths[row]]
        lengths[row] = end + second_lengths[row]
