"""Somebody who has every file that the sample site released works back from them, and finds no small number.

The worst that can be served: the map of the last 365 days, which is a count in other words. Two resolutions that nest,
two days, all shifts of each, totals. The attacker knows more than anybody would: the rule, the exact total of the area,
which cells were told together, and in which cells nothing changed from one day to the next.
"""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crisisrisk.commands.forecast import shifts_from
from crisisrisk.commands.promotion import read_candidate
from crisisrisk.commands.train import train
from crisisrisk.disclosure import ALONE, DECIMALS, SMALLEST, told_together
from crisisrisk.features.place import PlaceRows
from crisisrisk.features.place_past import place_past
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.place_rules.maps import YEAR, map_and_clock_unit, shrunken_rate_times_factor
from crisisrisk.models.place_rules.parts import MINIMUM_EXPECTED
from crisisrisk.scoring.places import forecast_shifts
from crisisrisk.scoring.release import forecast_geojson
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.squares import square_of
from crisisrisk.tables.store import Store
from crisisrisk.timeline import Shift, microseconds
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.place_data import PlaceData, place_data
from tests.lib.attack import Attack, recovered

RULE = "trailing_365_days"
FINE, COARSE = "squares:1000", "squares:2000"
DAYS = 2
SHOWN = 10.0**-DECIMALS

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Release:
    """What one file says, (shifts, cells) in order of the ids, and what was so. `counts`: contacts of the last year."""

    ids: tuple[str, ...]
    expected: Numbers
    usual: Numbers
    unit: Numbers
    usual_unit: Numbers
    counts: NDArray[np.int64]
    drawn: tuple[float, float]
    """What a usual number in units is of a count: so many times it, and so much more. The same for all cells."""
    group: NDArray[np.int64]


@dataclass(frozen=True)
class Served:
    """The sample with the rule as its model, at one resolution."""

    site: Site
    bundle: Bundle
    data: PlaceData

    def release(self, day: int, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Release:
        """The file of the day's shifts, issued so many days before the site's clock."""
        snapshot = Store(self.site).snapshot()
        issued = snapshot.as_of_now() - timedelta(days=day)
        shifts = shifts_from(self.site, issued, 24.0)
        made = forecast_shifts(self.bundle, snapshot, self.site, shifts=shifts, issued_at=issued)
        live = {(row["shift_id"], row["place_id"]): row for row in made.frame.to_dict("records")}
        file = forecast_geojson(made, caveats=self.bundle.phrases.caveats)
        features = [one["properties"] for one in file["features"]]
        said = [change({**one, "live": live[one["shift_id"], one["place_id"]]}) for one in features]
        return self._read(said, shifts, issued)

    def _read(self, said: list[dict[str, Any]], shifts: tuple[Shift, ...], issued: datetime) -> Release:
        cells = self.data.cells
        rows = PlaceRows(cells, shifts, np.full(len(shifts), microseconds(issued), dtype=np.int64))
        past = place_past(self.data.history, rows, self.site, latency_hours=self.data.latency_hours)
        rule = self.bundle.place_model.rule
        assert rule is not None
        by_name = {(one["shift_id"], one["place_id"]): one for one in said}
        shown = {
            name: np.array([[by_name[shift.id, place][name] for place in cells.ids] for shift in shifts])
            for name in ("expected", "usual")
        }
        counts = past.counts(YEAR)[:, 0].astype(np.int64)
        usually = (shrunken_rate_times_factor(past) / map_and_clock_unit(past)[:, None])[0]
        least, most = int(counts.argmin()), int(counts.argmax())
        slope = (usually[most] - usually[least]) / (counts[most] - counts[least])
        return Release(
            ids=cells.ids, expected=shown["expected"], usual=shown["usual"], unit=rule.unit(past),
            usual_unit=map_and_clock_unit(past), counts=counts, drawn=(slope, usually[most] - slope * counts[most]),
            group=told_together(np.minimum(counts, usually), counts.astype(np.float64), cells.parent_numbers),
        )  # fmt: skip


@pytest.fixture(scope="module")
def served(demo_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Served]:
    """A copy of the demo site that serves the map of the last year, at two resolutions."""
    folder = tmp_path_factory.mktemp("attacked") / "site"
    shutil.copytree(demo_site, folder)
    return {level: _serving(read_site(folder), level) for level in (FINE, COARSE)}


def _serving(site: Site, level: str) -> Served:
    own = replace(site, cells=site.cells.at(level))
    run = train(own, "place", None, baseline=RULE, tell=lambda line: None)
    recipe = read_recipes(own, "place", None).training
    data = place_data(recipe, None, Store(own).snapshot(), own, held_out_days=recipe.split.test_days)
    return Served(own, read_candidate(own, run.run_id).bundle, data)


def attacked(
    served: Mapping[str, Served], change: Callable[[dict[str, Any]], dict[str, Any]], *, step: float
) -> list[int]:
    """The small numbers that are recovered: counts of a year, and what changed from one day to the next."""
    releases = {(level, day): one.release(day, change) for level, one in served.items() for day in range(DAYS)}
    attack = Attack()
    for name, release in releases.items():
        _tell(attack, name, release, step)
    _link(attack, releases)
    asked, truth = [], []
    for (level, day), release in releases.items():
        for cell, count in zip(release.ids, release.counts.tolist(), strict=True):
            if 1 <= count <= 7:
                asked.append({(level, day, cell): 1.0})
                truth.append(count)
    for level in served:
        new, old = releases[level, 0], releases[level, 1]
        for cell, changed in zip(new.ids, (new.counts - old.counts).tolist(), strict=True):
            if changed:
                asked.append({(level, 0, cell): 1.0, (level, 1, cell): -1.0})
                truth.append(changed)
    assert len(truth) >= 20
    ranges = attack.ranges(asked)
    assert all(least <= number <= most for (least, most), number in zip(ranges, truth, strict=True))
    return [truth[one] for one in recovered(ranges, truth)]


def _tell(attack: Attack, name: tuple[str, int], release: Release, step: float) -> None:
    """Everything that one file says of the counts. `step`: how far a number may lie from what it is rounded to.

    With a step below 1 nothing was merged or rounded: the file of the control, whose usual numbers are not looked at.
    """
    merged = step > 1
    for row, cell in enumerate(release.ids):
        group = release.group == release.group[row]
        small = merged and release.group[row] != ALONE and not (release.counts[group] >= SMALLEST).any()
        attack.hidden((*name, cell), **({"most": SMALLEST - 1} if small else {}))
    for group in np.unique(release.group).tolist():
        members = np.flatnonzero(release.group == group)
        for together in [members] if merged and group != ALONE else [[one] for one in members]:
            for shift in range(len(release.unit)):
                _tell_of(attack, name, release, np.array(together), shift, step)
    everywhere = {(*name, cell): 1.0 for cell in release.ids}
    attack.known(everywhere, float(release.counts.sum()), float(release.counts.sum()))


def _tell_of(
    attack: Attack, name: tuple[str, int], release: Release, cells: NDArray[np.int64], shift: int, step: float
) -> None:
    """Of cells that are told together, or of one: what its expected and its usual number in a shift say."""
    parts = {(*name, release.ids[one]): 1.0 for one in cells}
    number, rounded = len(cells), 0.5 if len(cells) > 1 else 0.0
    shown, slack = release.expected[shift, cells].sum() / release.unit[shift], number * SHOWN / release.unit[shift]
    # Where nothing was, a rule still expects a little; several such cells add up.
    nothing = MINIMUM_EXPECTED * number / release.unit[shift]
    attack.known(parts, shown - step - slack - nothing - rounded, shown + step + slack + rounded)
    if step > 1:
        slope, more = release.drawn
        usual = release.usual[shift, cells].sum() / release.usual_unit[shift] - more * number
        slack = 0.5 + number * SHOWN / release.usual_unit[shift]
        attack.known(dict.fromkeys(parts, slope), usual - step - slack, usual + step + slack)


def _link(attack: Attack, releases: Mapping[tuple[str, int], Release]) -> None:
    """Which cells are parts of which, and where nothing changed in a day."""
    for level in (FINE, COARSE):
        new, old = releases[level, 0], releases[level, 1]
        for cell, before, after in zip(new.ids, old.counts, new.counts, strict=True):
            if before == after:
                attack.known({(level, 0, cell): 1.0, (level, 1, cell): -1.0}, 0, 0)
    for day in range(DAYS):
        fine, coarse = releases[FINE, day], releases[COARSE, day]
        inside: dict[str, list[int]] = {}
        for row, cell in enumerate(fine.ids):
            square = square_of(cell)
            assert square is not None
            inside.setdefault(f"SQ2000-E{square[1] // 2000 * 2000}-N{square[2] // 2000 * 2000}", []).append(row)
        for cell, count in zip(coarse.ids, coarse.counts.tolist(), strict=True):
            if fine.counts[inside.get(cell, [])].sum() == count:  # contacts in homes may be counted next door
                parts = {(FINE, day, fine.ids[row]): 1.0 for row in inside.get(cell, [])}
                attack.known({**parts, (COARSE, day, cell): -1.0}, 0, 0)


def test_nothing_small_is_recovered_from_two_resolutions_two_days_and_totals(served: Mapping[str, Served]) -> None:
    assert attacked(served, lambda feature: feature, step=2.0) == []


def test_without_disclosure_control_every_small_number_is(served: Mapping[str, Served]) -> None:
    """The same files with the live numbers in them, to four decimals."""

    def live(feature: dict[str, Any]) -> dict[str, Any]:
        return {**feature, "expected": round(feature["live"]["expected"], DECIMALS)}

    found = attacked(served, live, step=0.05)
    assert len(found) >= 20


def test_totals_are_sums_of_what_is_released_and_order_and_words_say_no_more(served: Mapping[str, Served]) -> None:
    one = served[FINE]
    snapshot = Store(one.site).snapshot()
    now = snapshot.as_of_now()
    made = forecast_shifts(
        one.bundle, snapshot, one.site, shifts=shifts_from(one.site, now, 24.0), issued_at=now
    )  # fmt: skip
    file = forecast_geojson(made, caveats=one.bundle.phrases.caveats)
    for shift in file["shifts"]:
        cells = [each["properties"] for each in file["features"] if each["properties"]["shift_id"] == shift["shift_id"]]
        assert shift["expected"] == pytest.approx(sum(each["expected"] for each in cells), abs=1e-3)
        assert [(each["rank"], each["place_id"]) for each in cells] == sorted(
            (each["rank"], each["place_id"]) for each in cells
        )
        for each in cells:
            assert each["rank"] == 1 + sum(other["expected"] > each["expected"] for other in cells)
    told = [reason for each in file["features"] for reason in each["properties"]["reasons"]]
    assert told
    assert {tuple(reason) for reason in told} == {("direction", "text")}
    assert not any(re.search(r"\d", reason["text"].replace("365 days", "")) for reason in told)
