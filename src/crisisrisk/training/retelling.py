"""What a bundle says of rows that were judged before: computed again from the site's own data."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation.judged import JudgedPredictions, person_numbers
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.trees import Numbers
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.training.person import Rows, risk_of
from crisisrisk.training.person_data import PersonData, feature_stream, person_data
from crisisrisk.training.recipe import TrainingRecipe


@dataclass(frozen=True)
class Retold:
    """The judged rows that the site's data still have, in the order of the data."""

    data: PersonData
    rows: Rows
    """Of the data. Shape (found,)."""
    judged: JudgedPredictions
    """The same rows as they were judged."""
    missing: int
    """Judged rows that the data no longer have: corrected, objected to, or of another outcome window."""

    @property
    def happened(self) -> NDArray[np.bool_]:
        """The outcomes as the data say now."""
        return self.data.happened[self.rows]

    def risk_by(self, bundle: Bundle, snapshot: Snapshot, site: Site) -> Numbers:
        """What any bundle says of the rows, from the features of its own recipe. Shape (found,)."""
        stream = feature_stream(bundle.features, self.data.buckets, snapshot, site)
        return risk_of(bundle.risk_model, bundle.features, replace(self.data, features=stream), self.rows)


def retold(recipe: TrainingRecipe, bundle: Bundle, judged: JudgedPredictions, snapshot: Snapshot, site: Site) -> Retold:
    """Find the judged rows in the site's data again, by person and moment."""
    data = person_data(recipe, bundle.features, snapshot, site)
    number = person_numbers(data.person_ids)[data.person]
    place = {key: row for row, key in enumerate(zip(judged.person.tolist(), judged.as_of.tolist(), strict=True))}
    inside = np.flatnonzero(np.isin(data.as_of, np.unique(judged.as_of)))
    pairs = zip(number[inside].tolist(), data.as_of[inside].tolist(), strict=True)
    which = np.array([place.get(pair, -1) for pair in pairs], dtype=np.int64)
    found = which >= 0
    return Retold(data, inside[found], judged.where(which[found]), len(judged) - int(found.sum()))
