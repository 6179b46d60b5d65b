"""One column made visible: an invented history of contacts that it reads, drawn, and the value that the engine gives.

The history is the same for every column but for its sources: contacts spread over the column's window, one too old
for it, one that became known only after the as-of moment.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from crisisrisk.features.aggregations import PERSON
from crisisrisk.features.examples import PEOPLE, SOMEBODY, EventVersion, moment, one_row, stored_events
from crisisrisk.features.person import person_features
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec

AS_OF = moment("2025-03-31")
WIDTH = 60
_USUAL_DAYS = 364
# Parts of the window before the as-of moment, and hours of the day.
_PLACES = ((0.03, 10), (0.08, 22), (0.3, 15), (0.55, 9), (0.9, 11))
_TOO_OLD, _LATE_PLACE = (1.15, 13), (0.15, 12)
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """An example history of one column."""

    events: tuple[EventVersion, ...]
    value: float

    def as_text(self, spec: FeatureSpec) -> str:
        """The contacts on a line of time, one row each, and what comes of them."""
        days = _drawn_days(spec)
        head = f"{f'{days} days before':<{WIDTH // 2}}{'as of ' + f'{AS_OF:%d %b %Y}':>{WIDTH // 2}}"
        ordered = sorted(self.events, key=lambda event: event.occurred_at)
        lines = [_line(event, spec, days) for event in ordered]
        shown = "not known" if self.value != self.value else f"{self.value:.7g}"
        return "\n".join(
            [f"  {head}", f"  {_ruler(spec, days)}", *(f"  {line}" for line in lines), f"  value  {shown}"]
        )


def _drawn_days(spec: FeatureSpec) -> int:
    return round((spec.lookback_days or _USUAL_DAYS) * 1.25)


def _ruler(spec: FeatureSpec, days: int) -> str:
    """The window as a bar."""
    start = 0 if spec.lookback_days is None else round(WIDTH * (1 - spec.lookback_days / days))
    return " " * start + "╞" + "═" * (WIDTH - start - 2) + "╡"


def _line(event: EventVersion, spec: FeatureSpec, days: int) -> str:
    place = min(max(round(WIDTH * (1 - (AS_OF - event.occurred_at) / (days * _DAY))), 0), WIDTH - 1)
    late = event.known_at >= AS_OF
    mark = "○" if late else "◆" if event.source in spec.other_sources else "●"
    said = f"{event.occurred_at:%d %b %Y %H:%M} {event.source}{', known only later' if late else ''}"
    return " " * place + mark + " " * (WIDTH - place + 1) + said


def drawn(spec: FeatureSpec, *, zone: ZoneInfo) -> Drawn | None:
    """The example history of a person's column; None for one of places."""
    if spec.aggregation not in PERSON:
        return None
    events = tuple(_history(spec))
    people = pa.Table.from_pylist([_somebody()], schema=PEOPLE)
    recipe = FeatureRecipe(name="example", subject="person", specs=(spec,))
    matrix = person_features(recipe, stored_events(events), people, one_row(AS_OF), zone=zone)
    return Drawn(events=events, value=float(matrix[0, 0]))


def _somebody() -> dict[str, object]:
    known = AS_OF - 500 * _DAY
    return {"person_id": SOMEBODY, "known_at": known, "valid_from": known, "birth_year": 1980,
            "deprivation_decile": 3, "sex": "female"}  # fmt: skip


def _history(spec: FeatureSpec) -> list[EventVersion]:
    if not spec.sources:
        return []
    days = spec.lookback_days or _USUAL_DAYS
    moments = [_at(days * part, hour) for part, hour in (*_PLACES, _TOO_OLD)]
    events = [_event(spec, number, at, at) for number, at in enumerate(moments) if at < AS_OF]
    late = _at(days * _LATE_PLACE[0], _LATE_PLACE[1])
    events.append(_event(spec, len(moments), late, AS_OF + 2 * _DAY))
    if spec.other_sources:
        answer = _at(days * 0.2, 14)
        events.append(EventVersion(event_id="other", occurred_at=answer, known_at=answer, source=spec.other_sources[0]))
    return events


def _at(days_before: float, hour: int) -> datetime:
    return AS_OF - max(round(days_before), 1) * _DAY + timedelta(hours=hour)


def _event(spec: FeatureSpec, number: int, occurred_at: datetime, known_at: datetime) -> EventVersion:
    """A contact that the column reads."""
    accepted = {column: values[0] for column, values in spec.where}
    return EventVersion(
        event_id=f"event {number}", occurred_at=occurred_at, known_at=known_at,
        source=spec.sources[number % len(spec.sources)], value=float(number + 1),
        **{"premises": "public" if number % 2 else "private", **accepted},  # type: ignore[arg-type]
    )  # fmt: skip
