"""Reasons as people read them: words, the dated contacts behind them, and what is not known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from math import ceil, floor, isnan
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.specs import FeatureSpec, Phrases
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.reasons import Reason, facts_not_known, is_count
from crisisrisk.models.wording import depends_on_whole_numbers, fact_in_words, words_of
from crisisrisk.scoring.directions import NOT_KNOWN
from crisisrisk.scoring.evidence import Evidence, EvidenceOfBucket, dates_in_words

_FLAGS = ("any", "any_at_night", "now")
NOTHING = Evidence((), ())
Told = dict[str, Any]
"""One reason as it is kept and answered: `direction, share, text, events`."""


@dataclass(frozen=True)
class Teller:
    """Puts reasons into words as of a moment. What is said of many people is worded once.

    `late`: the sources that the model reads and that are silent for longer than they should be, and since when.
    """

    model: Bundle
    as_of: datetime
    zone: ZoneInfo
    late: Mapping[str, datetime] = field(default_factory=dict)
    worded: dict[tuple[int, float | None], str] = field(default_factory=dict)

    @cached_property
    def today(self) -> date:
        """The local day of the moment."""
        return self.as_of.astimezone(self.zone).date()

    def told(
        self, evidence: EvidenceOfBucket, found: Sequence[Sequence[Reason]], features: NDArray[Any]
    ) -> list[tuple[Told, ...]]:
        """What is said of each row: reasons up, reasons down, then what is not known. `found`: one list for each row.

        `evidence` is of the same people in the same order.
        """
        specs = self.model.features.specs
        flat = [(person, reason) for person, reasons in enumerate(found) for reason in reasons]
        tied = [_tied_to_events(specs[reason.feature], reason.value) for _, reason in flat]
        asked = [
            (specs[reason.feature], person) for (person, reason), is_tied in zip(flat, tied, strict=True) if is_tied
        ]
        behind = iter(evidence.behind(asked))
        said: list[list[Told]] = [[] for _ in found]
        for (person, reason), is_tied in zip(flat, tied, strict=True):
            said[person].append(self._told(reason, next(behind) if is_tied else NOTHING))
        return [(*reasons, *gaps) for reasons, gaps in zip(said, self._not_known(features), strict=True)]

    def _told(self, reason: Reason, behind: Evidence) -> Told:
        spec = self.model.features.specs[reason.feature]
        key = (reason.feature, as_worded(spec, reason.value))
        if key not in self.worded:
            self.worded[key] = words_of(spec, reason.value, self.model.phrases.sources)
        text = sentence(self.worded[key], behind, self.today)
        return {"direction": reason.direction, "share": reason.share, "text": text, "events": list(behind.events)}

    def _not_known(self, features: NDArray[Any]) -> list[list[Told]]:
        """For each row the late feeds, the same for all, and the facts that are not recorded of the person."""
        phrases, recipe = self.model.phrases.not_known, self.model.features
        late = [_gap(phrases["late"].format(plural=self._plural(source), since=self._day(since)))
                for source, since in sorted(self.late.items())]  # fmt: skip
        said = [list(late) for _ in range(len(features))]
        for feature, rows in facts_not_known(recipe, features):
            gap = _gap(phrases["fact"].format(what=fact_in_words(recipe.specs[feature])))
            for row in np.flatnonzero(rows).tolist():
                said[row].append(gap)
        return said

    def _plural(self, source: str) -> str:
        named = self.model.phrases.sources
        return named.get(source, Phrases("", f"{source.replace('_', ' ')} contacts")).plural

    def _day(self, moment: datetime) -> str:
        return dates_in_words((moment.astimezone(self.zone).date(),), today=self.today)


def _gap(text: str) -> Told:
    return {"direction": NOT_KNOWN, "share": 0.0, "text": text, "events": []}


def as_worded(spec: FeatureSpec, value: float) -> float | None:
    """What of a value its words depend on: whole numbers, whether it is 0 or less than 1, whether it is known."""
    if isnan(value):
        return None
    if not depends_on_whole_numbers(spec):
        return value
    return floor(value) if value >= 1 else min(ceil(value), 0.5)


def _tied_to_events(spec: FeatureSpec, value: float) -> bool:
    """Whether there are events behind a value at all: none behind "no calls in the last 28 days"."""
    return (
        bool(spec.sources) and not isnan(value) and not (value == 0 and (is_count(spec) or spec.aggregation in _FLAGS))
    )


def sentence(text: str, behind: Evidence, today: date) -> str:
    """The words of a reason with the dates of its events: "2 calls in the last 28 days (18 and 20 Nov)"."""
    dates = dates_in_words(behind.days, today=today)
    return f"{text} ({dates})" if dates else text
