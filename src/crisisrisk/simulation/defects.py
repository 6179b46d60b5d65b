"""The few rows that are wrong on purpose, so that a newcomer sees what quarantine does, and a feed's double sending."""

from typing import Any

import numpy as np

from crisisrisk.simulation.period import stream
from crisisrisk.simulation.texts import Columns, Texts

# File, column, how many rows, and what is wrong with them: 61 rows in all.
UNREADABLE_TIME = ("ed_attendances.csv", "ARRIVAL", 20)
FAILED_CHECK_DIGIT = ("ambulance.csv", "nhs_no", 15)
OFF_THE_MAP = ("police_incidents.csv", "Easting", 10)
HOUR_THAT_WAS_SKIPPED = ("mh_crisis_services.csv", "Start", 8)
UNKNOWN_RESULT = ("nhs_111.csv", "Disposition", 8)
_ALL = (UNREADABLE_TIME, FAILED_CHECK_DIGIT, OFF_THE_MAP, HOUR_THAT_WAS_SKIPPED, UNKNOWN_RESULT)
BAD_ROWS = sum(count for _, _, count in _ALL)
SENT_TWICE = ("ambulance.csv", 24)


def spoil(seed: int, files: dict[str, Columns]) -> None:
    """Put the wrong rows and the doubled ones into the files."""
    random = stream(seed, "defects")
    _replace(random, files, UNREADABLE_TIME, lambda text: text.replace(" ", " at ", 1))
    _replace(random, files, FAILED_CHECK_DIGIT, lambda text: text[:-1] + str((int(text[-1]) + 1) % 10))
    _replace(random, files, OFF_THE_MAP, lambda text: "9" + text + "0")
    _replace(random, files, HOUR_THAT_WAS_SKIPPED, lambda _: "2026-03-29 01:30", near="2026-03-2")
    _replace(random, files, UNKNOWN_RESULT, lambda _: "ZZ9")
    _send_twice(random, files[SENT_TWICE[0]], SENT_TWICE[1])


def _replace(
    random: np.random.Generator, files: dict[str, Columns], where: tuple[str, str, int], change: Any, near: str = ""
) -> None:
    """Change `count` filled cells of a column; `near` keeps to those that begin so, if there are enough."""
    name, column, count = where
    texts: Texts = files[name][column]
    filled = np.array([bool(text) for text in texts])
    close = filled & np.array([text.startswith(near) for text in texts])
    rows = np.flatnonzero(close if close.sum() >= count else filled)
    for row in random.choice(rows, min(count, len(rows)), replace=False):
        texts[row] = change(texts[row])


def _send_twice(random: np.random.Generator, columns: Columns, count: int) -> None:
    """The last part of one day's file came again with the next one."""
    length = len(next(iter(columns.values())))
    begins = int(random.integers(length // 2, max(length // 2 + 1, length - 10 * count)))
    for name, texts in columns.items():
        again = texts[begins : begins + count]
        columns[name] = np.concatenate([texts[: begins + count], again, texts[begins + count :]])
