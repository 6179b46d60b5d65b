"""Of all that occurred, the share that occurred at some time of the week, in public, or instead of something else."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from crisisrisk.features.aggregations.declared import (
    Counted,
    Example,
    Formula,
    PersonAggregation,
    Seen,
    counted,
)
from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec, Where

_SATURDAY, _MORNING, _EVENING = 5, 8, 18


def _out_of_hours(weekday: int, hour: int) -> bool:
    return weekday >= _SATURDAY or hour < _MORNING or hour >= _EVENING


@dataclass(frozen=True)
class _Part:
    """One part of the local week, as a share of it is declared."""

    name: str
    words: str
    holds: Callable[[int, int], bool]

    @property
    def where(self) -> Where:
        """The pair that chooses its events."""
        return ((self.name, (True,)),)

    def formula(self, spec: FeatureSpec) -> Formula:
        """Events of the part over all of them."""
        whole = counted(spec)
        return Formula(above=((1, counted(spec, where=self.where)),), below=((1, whole),), guard=(whole,))

    def define(self, spec: FeatureSpec, seen: Seen) -> float | None:
        """The same, one by one."""
        events = seen.within(spec.lookback_days)
        inside = [one for one in events if self._holds(seen.local(one.occurred_at))]
        return len(inside) / len(events) if events else None

    def _holds(self, local: datetime) -> bool:
        return self.holds(local.weekday(), local.hour)


def _share(part: _Part, value: float) -> PersonAggregation:
    return PersonAggregation(
        name=f"share_{part.name}",
        column=f"{{column}}_share_{part.name}",
        meaning=f"Share of the {{plural}} {{window}} that occurred {part.words}.",
        reason=f"share of {{plural}} {part.words.split(' (')[0]} {{window}}",
        if_none=NOT_KNOWN,
        unit="share, 0 to 1",
        definition="Events of that part of the local week over all events of the window.",
        define=part.define,
        formula=part.formula,
        local={part.name: part.holds},
        examples=(
            Example(
                says="Wednesday at 9, Wednesday at 23, Saturday at noon and Thursday at 4.",
                group=f'sources = ["crisis_line"]\naggregations = ["share_{part.name}"]\nlookback_days = [28]',
                table="""
occurred
2025-03-12 09:00
2025-03-12 23:00
2025-03-15 12:00
2025-03-20 04:00
""",
                as_of="2025-03-31",
                value=value,
            ),
        ),
    )


_PARTS = (
    (_Part("out_of_hours", "out of hours (from 18:00 to 08:00, or at a weekend, by the local clock)", _out_of_hours),
     0.75),
    (_Part("at_weekends", "at a weekend (Saturday or Sunday, by the local clock)",
           lambda weekday, hour: weekday >= _SATURDAY), 0.25),
    (_Part("from_0_to_6", "between midnight and 06:00 by the local clock", lambda weekday, hour: hour < 6), 0.25),
    (_Part("from_6_to_12", "between 06:00 and noon by the local clock", lambda weekday, hour: 6 <= hour < 12), 0.25),
    (_Part("from_12_to_18", "between noon and 18:00 by the local clock", lambda weekday, hour: 12 <= hour < 18), 0.25),
    (_Part("from_18_to_24", "between 18:00 and midnight by the local clock", lambda weekday, hour: hour >= 18), 0.25),
)  # fmt: skip

_NIGHT = _Part("at_night", "at night", lambda weekday, hour: hour < _MORNING or hour >= 22)


def _any_at_night(spec: FeatureSpec) -> Formula:
    return Formula(above_constant=1, below_constant=1, guard=(counted(spec, where=_NIGHT.where),))


def _define_any_at_night(spec: FeatureSpec, seen: Seen) -> float | None:
    local = [seen.local(one.occurred_at) for one in seen.within(spec.lookback_days)]
    return 1.0 if any(_NIGHT.holds(one.weekday(), one.hour) for one in local) else None


def _in_public(spec: FeatureSpec) -> Formula:
    whole = counted(spec, where=(("premises", ("private", "public")),))
    return Formula(above=((1, counted(spec, where=(("premises", ("public",)),))),), below=((1, whole),), guard=(whole,))


def _define_in_public(spec: FeatureSpec, seen: Seen) -> float | None:
    known = [one.premises for one in seen.within(spec.lookback_days) if one.premises in ("public", "private")]
    return known.count("public") / len(known) if known else None


def _instead(spec: FeatureSpec) -> Formula:
    own, other = counted(spec), Counted("count", spec.other_sources, (), spec.lookback_days)
    return Formula(above=((1, own),), below=((1, own), (1, other)), guard=(own, other))


def _define_instead(spec: FeatureSpec, seen: Seen) -> float | None:
    own, other = len(seen.within(spec.lookback_days)), len(seen.within(spec.lookback_days, seen.other))
    return own / (own + other) if own + other else None


AGGREGATIONS = (
    *(_share(part, value) for part, value in _PARTS),
    PersonAggregation(
        name="any_at_night",
        column="{column}_any_at_night",
        meaning="1 where any of the {plural} {window} occurred between 22:00 and 08:00 by the local clock.",
        reason="{plural} at night {window}",
        if_none=0.0,
        unit="0 or 1",
        definition="1 with at least one event of the window at those local hours. In one day it says: last night.",
        define=_define_any_at_night,
        formula=_any_at_night,
        local={"at_night": _NIGHT.holds},
        examples=(
            Example(
                says="A call at 23:10 of the evening before, and one at noon.",
                group='sources = ["crisis_line"]\naggregations = ["any_at_night"]\nlookback_days = [1]',
                table="occurred\n2025-03-30 12:00\n2025-03-30 22:10", as_of="2025-03-31", value=1,
            ),
        ),
    ),
    PersonAggregation(
        name="share_in_public",
        column="{column}_share_in_public",
        meaning="Share of the {plural} {window} that occurred in a public place, of those where the agency noted it.",
        reason="share of {plural} in public places {window}",
        if_none=NOT_KNOWN,
        unit="share, 0 to 1",
        definition="Events with premises public over those with premises public or private.",
        define=_define_in_public,
        formula=_in_public,
        reads=("premises",),
        examples=(
            Example(
                says="One in public, two at home, one where nothing was noted.",
                group='sources = ["crisis_line"]\naggregations = ["share_in_public"]\nlookback_days = [28]',
                table="""
occurred          premises
2025-03-12 09:00  public
2025-03-13 09:00  private
2025-03-14 09:00  private
2025-03-15 09:00  -
""",
                as_of="2025-03-31", value=1 / 3,
            ),
        ),
    ),
    PersonAggregation(
        name="share_against",
        column="{column}_share_against",
        meaning="Share of {plural} among {plural} and {other} together {window}.",
        reason="share of {plural} {window}",
        if_none=NOT_KNOWN,
        takes_other=True,
        unit="share, 0 to 1",
        definition="Events over events and events of the other sources, in the window.",
        define=_define_instead,
        formula=_instead,
        examples=(
            Example(
                says="One appointment missed, three kept.",
                group='sources = ["mh_missed"]\nother_sources = ["mh_contact"]\nother = "appointments kept"\n'
                'aggregations = ["share_against"]\nlookback_days = [28]',
                table="""
occurred          source
2025-03-12 09:00  mh_missed
2025-03-13 09:00  mh_contact
2025-03-14 09:00  mh_contact
2025-03-15 09:00  mh_contact
""",
                as_of="2025-03-31", value=0.25,
            ),
        ),
    ),
)  # fmt: skip
