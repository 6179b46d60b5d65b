"""What refitting does after a service that works: people it reached look safe. Real fits on an invented service.

Nobody exists. Each of three years every person has one row a month. The truth of a row is its risk if nobody helps. In
the first year there is no service. In the second the tenth ranked highest by the first model is reached every month,
which lowers their risk to `LEFT` of it. A second model is then fitted, in several ways, and held against the truth of
the third year. Of those who have a crisis `FOLLOWED` are helped the day after it too.
`python -m tests.lib.updating` writes the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from crisisrisk.evaluation.logistic import expit
from crisisrisk.evaluation.metrics import auprc
from crisisrisk.models.calibration import fit_calibration
from crisisrisk.models.risk_model import RiskModel
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY
from crisisrisk.training.exposures import exposed_rows
from crisisrisk.training.fitting import Block, fit_trees
from crisisrisk.training.recipe import ModelSettings

PEOPLE, MONTHS = 3000, 12
REACHED, LEFT, FOLLOWED = 0.1, 0.3, 0.8
NAMES = ("episodes_ever", "contacts_in_28_days", "contacts_in_364_days", "reached")
SETTINGS = ModelSettings(rounds=150, min_data_in_leaf=100, num_leaves=8, learning_rate=0.08, threads=1)
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "safe-updating.md"


@dataclass(frozen=True)
class Year:
    """One year's rows. `features`: shape (rows, 4), the last column whether the person was reached; others (rows,)."""

    features: np.ndarray
    truth: np.ndarray
    happened: np.ndarray

    @property
    def reached(self) -> np.ndarray:
        return self.features[:, 3] == 1

    def where(self, rows: np.ndarray) -> "Year":
        return Year(self.features[rows], self.truth[rows], self.happened[rows])

    def joined(self, other: "Year") -> "Year":
        return Year(*(np.concatenate([getattr(self, name), getattr(other, name)])
                      for name in ("features", "truth", "happened")))  # fmt: skip


def year(random: np.random.Generator, first: RiskModel | None = None) -> Year:
    """A year of rows; with a model, of a service that reaches those whom it ranks highest each month."""
    frailty, state = random.normal(0, 1, PEOPLE), random.normal(0, 1, PEOPLE)
    episodes = random.poisson(np.exp(0.8 * frailty - 0.5))
    year_count = random.poisson(np.exp(0.7 * frailty + 0.2))
    rows = []
    for _ in range(MONTHS):
        state = 0.7 * state + np.sqrt(1 - 0.49) * random.normal(0, 1, PEOPLE)
        recent = random.poisson(np.exp(0.5 * frailty + 0.6 * state - 1))
        truth = expit(-3.4 + 0.8 * frailty + 0.8 * state)
        features = np.stack([episodes, recent, year_count, np.zeros(PEOPLE)], axis=1).astype(np.float32)
        risk = truth
        if first is not None:
            features[:, 3] = _top(first.log_odds(features, NAMES))
            risk = np.where(features[:, 3] == 1, LEFT * truth, truth)
        rows.append(Year(features, truth, random.random(PEOPLE) < risk))
    found = rows[0]
    for one in rows[1:]:
        found = found.joined(one)
    return found


def _top(score: np.ndarray) -> np.ndarray:
    chosen = np.zeros(len(score))
    chosen[np.argsort(-score, kind="stable")[: int(REACHED * len(score))]] = 1
    return chosen


def fitted(rows: Year, *, sees_reached: bool = False) -> RiskModel:
    """Trees and calibration as training makes them; a model that does not see who was reached reads zeros there."""
    features = rows.features if sees_reached else _unreached(rows.features)
    order = np.random.default_rng(7).permutation(len(features))
    cut = 3 * len(order) // 4
    fit, stop = order[:cut], order[cut:]
    trees = fit_trees(
        "person", NAMES, Block(features[fit], rows.happened[fit]), Block(features[stop], rows.happened[stop]), SETTINGS
    )
    line = fit_calibration("platt", trees.raw_score(features[stop], NAMES), rows.happened[stop])
    return RiskModel(trees, line)


def _unreached(features: np.ndarray) -> np.ndarray:
    changed = features.copy()
    changed[:, 3] = 0
    return changed


def days_of_onset(rows: Year) -> np.ndarray:
    """When in its label window the outcome of each row came, in microseconds; FOREVER_US without one."""
    days = np.random.default_rng(5).uniform(1, 28, len(rows.happened))
    return np.where(rows.happened, (days * MICROSECONDS_PER_DAY).astype(np.int64), FOREVER_US)


def helped_rows(rows: Year, onset: np.ndarray, until: np.ndarray | None) -> np.ndarray:
    """By training's own rule: people reached at the start, and `FOLLOWED` of those who had a crisis, a day after it."""
    number = np.arange(len(onset))
    followed = rows.happened & (np.random.default_rng(6).random(len(onset)) < FOLLOWED)
    whom = np.concatenate([number[rows.reached], number[followed]])
    at = np.concatenate([np.zeros(rows.reached.sum(), dtype=np.int64), onset[followed] + MICROSECONDS_PER_DAY])
    ids = np.array([f"p{one}" for one in number], dtype=object)
    table = pa.table(
        {"person_id": pa.array(ids[whom], pa.string()), "shown_at": pa.array(at).cast(pa.timestamp("us", "UTC")),
         "action": pa.array(["acted_on"] * len(whom))}
    )  # fmt: skip
    return exposed_rows(
        table, ids, number, np.zeros(len(onset), dtype=np.int64), lasts_days=28, reach_days=28,
        actions=("acted_on",), first_onset=until,
    ).helped  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What an answer makes of the third year, against what would happen if nobody helped."""

    said_of_reached: float
    true_of_reached: float
    auprc: float
    recall: float

    @property
    def said_over_true(self) -> float:
        return self.said_of_reached / self.true_of_reached


def results(seed: int = 1) -> Mapping[str, Found]:
    """By way of updating, how the second answer does."""
    random = np.random.default_rng(seed)
    before = year(random)
    first = fitted(before)
    served, later = year(random, first), year(random)
    both = before.joined(served)
    kept = served.where(~served.reached)
    onset = days_of_onset(served)
    helped, helped_at_all = (helped_rows(served, onset, until) for until in (onset, None))
    answers = {
        "the first model, as it was": first,
        "naive: refitted on the served year": fitted(served),
        "naive: refitted on both years": fitted(both),
        "served year without reached rows": fitted(kept),
        "the same, where crises are followed by help too": fitted(served.where(~helped)),
        "the same, leaving out rows helped after their crisis": fitted(served.where(~helped_at_all)),
        "both years without reached rows": fitted(before.joined(kept)),
        "both years, being reached as a feature that is 0 at scoring": fitted(both, sees_reached=True),
    }
    features, would_happen = _unreached(later.features), random.random(len(later.truth)) < later.truth
    said = {name: model.probability(features, NAMES) for name, model in answers.items()}
    old = said["the first model, as it was"]
    said["the higher of the first and the naive on the served year"] = np.maximum(
        old, said["naive: refitted on the served year"]
    )
    said["the higher of the first and both years without reached rows"] = np.maximum(
        old, said["both years without reached rows"]
    )
    whom = _top(old) == 1
    return {
        name: Found(
            float(risk[whom].mean()), float(later.truth[whom].mean()), auprc(risk, would_happen),
            float(would_happen[_top(risk) == 1].sum() / would_happen.sum()),
        )
        for name, risk in said.items()
    }  # fmt: skip


def table(found: Mapping[str, Found]) -> str:
    """The results as a table of the page."""
    lines = ["| Second answer | said of those reached | said ÷ true | AUPRC | recall in the highest tenth |",
             "| --- | --- | --- | --- | --- |"]  # fmt: skip
    lines += [
        f"| {name} | {100 * one.said_of_reached:.0f} in 100 | {one.said_over_true:.2f} | {one.auprc:.3f} "
        f"| {one.recall:.2f} |"
        for name, one in found.items()
    ]
    return "\n".join(lines)


def written(text: str, found: Mapping[str, Found]) -> str:
    """The page with its table in place."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}\n{table(found)}\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), results()), encoding="utf-8")
