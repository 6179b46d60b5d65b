"""What residents and deprivation alone would say: where people live, not where anything happened."""

from collections.abc import Sequence

import numpy as np

from crisisrisk.features.place_kernels import Numbers
from crisisrisk.features.place_past import PlacePast
from crisisrisk.models.place_rules.maps import FACTOR_PRIOR_EVENTS, YEAR, clock_part, map_and_clock_unit, shift_factor
from crisisrisk.models.place_rules.parts import NOTHING_FITTED, Fitted, Part, divided, log_ratio, raised
from crisisrisk.tables.cells import Cells

DECILES = 10


def lacks_residents(cells: Cells) -> str:
    """Empty where the rule can be made."""
    known = np.isfinite(cells.population) & (cells.population > 0)
    return "" if known.any() else "the places table has no population"


def residents(cells: Cells) -> Numbers:
    """Residents of each cell; the median where not known. Shape (cells,)."""
    known = np.isfinite(cells.population) & (cells.population >= 0)
    usual = float(np.median(cells.population[known]))
    return np.where(known, cells.population, usual)


def decile_factors(past: PlacePast) -> Numbers:
    """Events per resident of the cells of each decile ÷ of all, over the last 365 days. Shape (deciles + 1, moments).

    The last row is for cells of no known decile. Drawn to 1 where few events were seen.
    """
    events, people = past.counts(YEAR), residents(past.cells)
    total = events.sum(axis=0, dtype=np.int64)
    factors = np.ones((DECILES + 1, len(past.times)))
    for decile, inside in enumerate(_in_decile(past.cells)):
        usual = total * (people[inside].sum() / people.sum())
        seen = events[inside].sum(axis=0, dtype=np.int64)
        factors[decile] = (seen + FACTOR_PRIOR_EVENTS) / (usual + FACTOR_PRIOR_EVENTS)
    return factors


def _in_decile(cells: Cells) -> list[np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    return [cells.deprivation_decile == decile + 1 for decile in range(DECILES)]


def _decile(cells: Cells) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    known = np.isfinite(cells.deprivation_decile)
    return np.where(known, np.nan_to_num(cells.deprivation_decile, nan=1.0) - 1, DECILES).astype(np.int64)


def residents_and_deprivation(past: PlacePast, _: Fitted = NOTHING_FITTED) -> Numbers:
    """Residents × the rate of their decile of deprivation × hours × the factor of the shift of the week."""
    people = residents(past.cells)
    total = past.counts(YEAR).sum(axis=0, dtype=np.int64).astype(np.float64)
    rate = divided(total, past.total_hours(YEAR))[past.moment]
    share = people / people.sum() * decile_factors(past)[:, past.moment].T[:, _decile(past.cells)]
    return raised(share * (rate * past.hours * shift_factor(past))[:, None])


# What one contact more adds


def residents_unit(past: PlacePast, _: Fitted = NOTHING_FITTED) -> Numbers:
    """To a place's part of the area's contacts, through all of them and through those of its decile."""
    return 2.0 * map_and_clock_unit(past)


# Why


def residents_parts(past: PlacePast, _: Fitted) -> Sequence[Part]:
    """Residents, deprivation, and the clock."""
    people, decile = residents(past.cells), past.cells.deprivation_decile
    factors = decile_factors(past)[:, past.moment].T[:, _decile(past.cells)]
    shape = (len(past.rows), len(past.cells))
    average = np.full(len(people), people.mean())

    beside = f"(an average place: {people.mean():,.0f})"

    def lived(_: int, cell: int) -> str:
        return f"{people[cell]:,.0f} {'resident' if round(people[cell]) == 1 else 'residents'} {beside}"

    def deprived(_: int, cell: int) -> str:
        return "deprivation not known" if np.isnan(decile[cell]) else f"deprivation decile {decile[cell]:.0f} of 10"

    def deprivation(_: int, cell: int) -> str:
        return "deprivation not known" if np.isnan(decile[cell]) else "the deprivation of the cell"

    return [
        Part(
            np.broadcast_to(log_ratio(people, average)[None, :], shape), lived, lambda *_: "how many people live here"
        ),
        Part(np.log(factors), deprived, deprivation),
        clock_part(past),
    ]
