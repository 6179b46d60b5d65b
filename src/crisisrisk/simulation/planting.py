"""Put the defects that can be seen in a file into its rows."""

import h3
import numpy as np

from crisisrisk.simulation.defects import SENT_TWICE, WRONG_CELLS, WrongCells, wrong_cell
from crisisrisk.simulation.monthly import Slices
from crisisrisk.simulation.period import Indices, Mask, Numbers
from crisisrisk.simulation.recording import local_seconds
from crisisrisk.simulation.texts import Columns, taken_columns

_RESOLUTION = 8


class Planting:
    """Which stretch of days of a file gets how many wrong cells and which gets rows sent twice; it keeps count.

    `wrong_cells` and `doubled_rows` are how many there are so far. What finds no room in a stretch is left to the next.
    """

    def __init__(
        self, slices: int, *, wrong: WrongCells | None = None, cells: Indices | None = None, twice_in: int = -1
    ) -> None:
        self._wrong = wrong
        self._cells = np.zeros(slices, dtype=np.int64) if cells is None else cells
        self._twice_in = twice_in
        self._due = 0
        self.wrong_cells = self.doubled_rows = 0

    def planted(self, random: np.random.Generator, number: int, columns: Columns) -> Columns:
        """The columns of one stretch of days with what is planted in them."""
        self._due += int(self._cells[number])
        if self._wrong is not None and self._due:
            columns, found = spoil(random, columns, self._wrong, self._due)
            self._due -= found
            self.wrong_cells += found
        if number == self._twice_in:
            columns = send_twice(random, columns, SENT_TWICE[1])
            self.doubled_rows += SENT_TWICE[1]
        return columns


def planting_of(name: str, slices: Slices, rows: Indices, random: np.random.Generator) -> Planting:
    """The wrong cells of a file spread over its stretches of days by their `rows` (stretches,); doubled rows in one."""
    wrong, fullest = WRONG_CELLS.get(name), int(np.argmax(rows))
    twice = fullest if name == SENT_TWICE[0] and rows[fullest] >= SENT_TWICE[1] else -1
    if wrong is None or rows.sum() < 1:
        return Planting(len(rows), twice_in=twice)
    if wrong.near:
        cells = np.zeros(len(rows), dtype=np.int64)
        cells[slices.of(np.array([local_seconds(wrong.near)]))] = wrong.rows
    else:
        cells = random.multinomial(wrong.rows, rows / rows.sum())
    return Planting(len(rows), wrong=wrong, cells=cells, twice_in=twice)


def spoil(random: np.random.Generator, columns: Columns, wrong: WrongCells, rows: int) -> tuple[Columns, int]:
    """Make up to `rows` filled cells wrong. Gives the columns, and how many cells that were."""
    texts = columns[wrong.column]
    filled = np.flatnonzero(texts.lengths > 0)
    chosen = np.sort(random.choice(filled, min(rows, len(filled)), replace=False))
    if not len(chosen):
        return columns, 0
    cells = [wrong_cell(wrong.problem, text) for text in texts.taken(chosen).strings()]
    return {**columns, wrong.column: texts.with_cells(chosen, cells)}, len(cells)


def send_twice(random: np.random.Generator, columns: Columns, count: int) -> Columns:
    """The last part of one day's file came again with the next one. Needs as many rows as are sent again."""
    length = len(next(iter(columns.values())))
    begins = int(random.integers(0, length - count + 1))
    again = np.arange(begins, begins + count)
    order = np.concatenate([np.arange(begins + count), again, np.arange(begins + count, length)])
    return taken_columns(columns, order)


def busiest_cell(latitude: Numbers, longitude: Numbers) -> Mask:
    """Which of the points lie in the hexagon that has most of them. Shape as the points; none where there are none."""
    cells = np.array(
        [h3.latlng_to_cell(*point, _RESOLUTION) for point in zip(latitude.tolist(), longitude.tolist(), strict=True)]
    )
    names, counts = np.unique(cells, return_counts=True)
    return np.asarray(cells == names[np.argmax(counts)]) if len(names) else np.zeros(0, dtype=bool)
