"""How many different: local days, sources, agencies, places."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.features.aggregations.declared import Example, Formula, PersonAggregation, Seen, SeenEvent, counted
from crisisrisk.features.specs import FeatureSpec
from crisisrisk.timeline import LocalClock

Keys = NDArray[np.int32]

AGENCIES = {
    "police": ("police_999", "police_101", "welfare_check_request", "missing_person"),
    "ambulance": ("ambulance_999",),
    "nhs_111": ("nhs_111", "nhs_111_mh"),
    "hospital": ("ed_attendance",),
    "mental_health_trust": (
        "s136", "s135", "street_triage", "triage_advice", "crisis_line", "crisis_house", "mh_contact", "mh_missed",
        "mh_admission", "mh_discharge", "mh_referral", "mh_referral_closed", "mh_assessment", "mh_plan", "mh_diagnosis",
        "mh_section", "mh_community_order", "mh_observation",
    ),
    "custody": ("liaison_diversion", "custody"),
    "railways": ("btp",),
    "fire": ("fire", "fire_safe_and_well_visit"),
    "local_authority": ("amhp_assessment", "housing", "social_care"),
    "primary_care": ("gp",),
}  # fmt: skip
"""Who sends each source; one that a site adds is an agency of its own."""

KNOWN_SOURCES = tuple(source for sources in AGENCIES.values() for source in sources)
"""What the shipped recipes know of: no site sends all of it, and a site adds what it likes."""

_AGENCY_OF = {source: agency for agency, sources in AGENCIES.items() for source in sources}
# About 1 km north to south: two contacts on one corner are one place.
_STEPS_PER_DEGREE = 100


def _days(_: pa.Table, clock: LocalClock | None) -> Keys:
    assert clock is not None
    # One is added because -1, the last day of 1969, means "not counted".
    return np.where(clock.day < 0, clock.day - 1, clock.day).astype(np.int32)


def _dictionary(column: pa.ChunkedArray) -> tuple[Keys, list[str]]:
    values = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    values = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return codes, values.dictionary.to_pylist()


def _sources(events: pa.Table, _: LocalClock | None) -> Keys:
    return _dictionary(events["source"])[0]


def _agencies(events: pa.Table, _: LocalClock | None) -> Keys:
    codes, names = _dictionary(events["source"])
    agencies = [_AGENCY_OF.get(name, name) for name in names]
    numbers = {agency: number for number, agency in enumerate(dict.fromkeys(agencies))}
    return np.array([*(numbers[agency] for agency in agencies), -1], dtype=np.int32)[codes]


def _places(events: pa.Table, clock: LocalClock | None) -> Keys:
    """A named place, else the square of a hundredth of a degree; numbers of places start after those of squares."""
    codes, _ = _dictionary(events["place_id"])
    latitude, longitude = (_steps(events[column]) for column in ("latitude", "longitude"))
    square = np.where((latitude == _NOWHERE) | (longitude == _NOWHERE), -1, latitude * 36_001 + longitude)
    return np.where(codes >= 0, codes + 28_000 * 36_001, square).astype(np.int32)


_NOWHERE = -1


def _steps(column: pa.ChunkedArray) -> NDArray[np.int64]:
    degrees = pc.fill_null(column, np.nan).to_numpy()
    half_turn = 180.0
    with np.errstate(invalid="ignore"):
        steps = np.floor((degrees + half_turn) * _STEPS_PER_DEGREE)
    return np.where(np.isnan(degrees), _NOWHERE, np.nan_to_num(steps)).astype(np.int64)


KEYS: dict[str, Callable[[pa.Table, LocalClock | None], Keys]] = {
    "distinct_days": _days,
    "distinct_sources": _sources,
    "distinct_places": _places,
    "distinct_agencies": _agencies,
}


def _distinct(kind: str) -> Callable[[FeatureSpec], Formula]:
    def formula(spec: FeatureSpec) -> Formula:
        number = counted(spec, kind=kind)
        return Formula(above=((1, number),), below_constant=1, guard=(number,))

    return formula


def _define(key: Callable[[SeenEvent, Seen], Any]) -> Callable[[FeatureSpec, Seen], float | None]:
    def define(spec: FeatureSpec, seen: Seen) -> float | None:
        return len({key(one, seen) for one in seen.within(spec.lookback_days)} - {None}) or None

    return define


def _local_day(event: SeenEvent, seen: Seen) -> date:
    return seen.local(event.occurred_at).date()


def _place(event: SeenEvent, seen: Seen) -> object:
    if event.place_id is not None:
        return event.place_id
    if event.latitude is None or event.longitude is None:
        return None
    return tuple(int((degrees + 180.0) * _STEPS_PER_DEGREE // 1) for degrees in (event.latitude, event.longitude))


_TABLE = """
occurred          source
2025-01-01 09:00  ambulance_999
2025-03-12 08:00  s136
2025-03-12 23:30  crisis_line
2025-03-13 00:30  crisis_line
"""
_ALL = 'sources = ["ambulance_999", "crisis_line", "s136"]\nlookback_days = [28]\n'

AGGREGATIONS = (
    PersonAggregation(
        name="distinct_days",
        column="{column}_distinct_days",
        meaning="On how many different local days {plural} occurred {window}.",
        reason="{plural} on {count} different days {window}",
        if_none=0.0,
        unit="days",
        definition="Local days, midnight to midnight, with at least one event.",
        define=_define(_local_day),
        formula=_distinct("distinct_days"),
        examples=(
            Example(
                says="Two contacts of one day are one day; half past midnight is the next.",
                group=_ALL + 'aggregations = ["distinct_days"]', table=_TABLE, as_of="2025-03-31", value=2,
            ),
        ),
    ),
    PersonAggregation(
        name="distinct_sources",
        column="{column}_distinct_sources",
        meaning="How many different sources {plural} came from {window}.",
        reason="{plural} from {count} different sources {window}",
        if_none=0.0,
        unit="sources",
        definition="Sources with at least one event.",
        define=_define(lambda event, _: event.source),
        formula=_distinct("distinct_sources"),
        examples=(
            Example(
                says="The ambulance call is older than the window.",
                group=_ALL + 'aggregations = ["distinct_sources"]', table=_TABLE, as_of="2025-03-31", value=2,
            ),
        ),
    ),
    PersonAggregation(
        name="distinct_agencies",
        column="{column}_distinct_agencies",
        meaning="How many different agencies {plural} came from {window}.",
        reason="{plural} from {count} different agencies {window}",
        if_none=0.0,
        unit="agencies",
        definition="Agencies with at least one event: sources of one agency are counted once.",
        define=_define(lambda event, _: _AGENCY_OF.get(event.source, event.source)),
        formula=_distinct("distinct_agencies"),
        examples=(
            Example(
                says="The crisis line and the section 136 suite are both the mental-health trust's.",
                group=_ALL + 'aggregations = ["distinct_agencies"]', table=_TABLE, as_of="2025-03-31", value=1,
            ),
        ),
    ),
    PersonAggregation(
        name="distinct_places",
        column="{column}_distinct_places",
        meaning="At how many different places {plural} occurred {window}, where the agency noted a place.",
        reason="{plural} at {count} different places {window}",
        if_none=0.0,
        unit="places",
        definition="Named places; without a name the square of a hundredth of a degree, about 1 km from south to"
        " north. A contact without either is at no place.",
        define=_define(_place),
        formula=_distinct("distinct_places"),
        reads=("place_id", "latitude", "longitude"),
        examples=(
            Example(
                says="Two contacts on one corner, one a mile away, one nowhere.",
                group='sources = ["crisis_line"]\naggregations = ["distinct_places"]\nlookback_days = [28]',
                table="""
occurred          latitude  longitude
2025-03-12 08:00  52.4811   -1.8911
2025-03-13 08:00  52.4812   -1.8912
2025-03-14 08:00  52.5011   -1.8911
2025-03-15 08:00  -         -
""",
                as_of="2025-03-31", value=2,
            ),
        ),
    ),
)  # fmt: skip
