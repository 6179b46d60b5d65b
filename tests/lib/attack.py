"""What somebody who has every release can work out: the least and the greatest that each hidden number can be.

Hidden numbers are whole numbers; what is released says bounds of sums of them. Integer programming (HiGHS, by SciPy)
gives for any sum of them the range that everything released leaves open.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_matrix

Numbers = Mapping[Hashable, float]
MOST = 100_000


@dataclass
class Attack:
    """Hidden whole numbers by name, and what is known of them."""

    place: dict[Hashable, int] = field(default_factory=dict)
    least: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)
    sums: list[tuple[Numbers, float, float]] = field(default_factory=list)

    def hidden(self, name: Hashable, *, least: float = 0, most: float = MOST) -> None:
        """A hidden number."""
        self.place[name] = len(self.least)
        self.least.append(least)
        self.most.append(most)

    def known(self, parts: Numbers, least: float, most: float) -> None:
        """That a weighted sum of hidden numbers lies between two numbers, both inside."""
        self.sums.append((parts, least, most))

    def ranges(self, asked: Sequence[Numbers]) -> list[tuple[int, int]]:
        """The least and the greatest of each sum of hidden numbers. Raises ValueError where nothing fits."""
        matrix = lil_matrix((len(self.sums), len(self.least)))
        for row, (parts, _, _) in enumerate(self.sums):
            for name, weight in parts.items():
                matrix[row, self.place[name]] = weight
        bounds = [np.array([one[end] for one in self.sums], dtype=np.float64) for end in (1, 2)]
        given = LinearConstraint(matrix.tocsr(), *bounds)
        return [(self._end(parts, given, 1), -self._end(parts, given, -1)) for parts in asked]

    def _end(self, parts: Numbers, given: LinearConstraint, sign: int) -> int:
        cost = np.zeros(len(self.least))
        for name, weight in parts.items():
            cost[self.place[name]] = sign * weight
        found = milp(cost, constraints=given, integrality=np.ones(len(cost)), bounds=Bounds(self.least, self.most))
        if not found.success:
            raise ValueError(f"nothing fits what was released: {found.message}")
        return round(found.fun)


def recovered(ranges: Sequence[tuple[int, int]], truth: Sequence[int]) -> list[int]:
    """Which of the true numbers from 1 to 7 are left only one value, by their place."""
    return [
        row for row, ((least, most), number) in enumerate(zip(ranges, truth, strict=True))
        if least == most and 1 <= abs(number) <= 7
    ]  # fmt: skip
