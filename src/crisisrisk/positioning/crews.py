"""Who is on duty: teams as a site or a request declares them, on the clock of one shift."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crisisrisk.tables.mobile_teams import MobileTeam, PositionSettings
from crisisrisk.timeline import Shift, ShiftPattern, shift_on

Span = tuple[datetime, datetime]
LONE = 1


@dataclass(frozen=True, kw_only=True)
class Crew:
    """One team in one shift. `base`: the id of its usual site. `may_stand`: ids of sites; none: every one.

    `areas`: places that it cannot leave; none: everywhere. `spans`: when it can stand and go, None for the whole shift,
    () where it can only advise by telephone. `breaks`: minutes of break, and when they are taken.
    """

    name: str
    base: str = ""
    may_stand: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    spans: tuple[Span, ...] | None = None
    breaks: tuple[tuple[float, Span], ...] = ()
    advises: tuple[Span, ...] = ()
    """When it is on duty and cannot go, because its one member would work alone."""
    break_elsewhere: float = 0.0
    """Minutes of a break that lies at no time of its duty in the shift: nothing is planned for it."""

    def out(self, start: datetime, end: datetime) -> bool:
        """Whether it can stand and go during all of a stretch."""
        return self.spans is None or any(begins <= start and end <= ends for begins, ends in self.spans)

    def resting(self, start: datetime, end: datetime) -> float:
        """The share of a stretch that it is on a break: taken at any time between, so spread over it evenly."""
        length = _minutes((start, end))
        away = sum(minutes * _minutes(overlap((start, end), span)) / _minutes(span) for minutes, span in self.breaks)
        return min(away / length, 1.0) if length else 0.0


def alike(count: int, bases: Sequence[str]) -> tuple[Crew, ...]:
    """So many teams of which nothing more is said. `bases`: the usual site of each."""
    return tuple(Crew(name=f"team {number + 1}", base=base) for number, base in zip(range(count), bases, strict=True))


def crews_on(
    teams: Iterable[MobileTeam], shift: Shift, zone: ZoneInfo, settings: PositionSettings | None = None
) -> tuple[Crew, ...]:
    """The teams that work in a shift, as crews of it, in their order. `settings`: for the hours of lone working."""
    made = (_crew(team, shift, zone, settings or PositionSettings()) for team in teams)
    return tuple(crew for crew in made if crew is not None)


def _crew(team: MobileTeam, shift: Shift, zone: ZoneInfo, settings: PositionSettings) -> Crew | None:
    duty = _duty(team, shift, zone)
    if duty is None:
        return None
    spans: tuple[Span, ...] = (duty,)
    advises: tuple[Span, ...] = ()
    if team.staff == LONE and settings.lone_working_until is not None:
        alone = tuple(daily("alone", settings.lone_working_until, settings.lone_working_from, duty, zone))
        spans, advises = without(duty, alone), alone
    whole = spans == ((shift.start, shift.end),)
    between = duty if team.break_between is None else next(daily("break", *team.break_between, duty, zone), None)
    return Crew(
        name=team.name,
        base=team.base,
        may_stand=team.may_stand,
        areas=team.areas,
        skills=team.skills,
        spans=None if whole else spans,
        breaks=((float(team.break_minutes), between),) if team.break_minutes and between else (),
        advises=advises,
        break_elsewhere=0.0 if between else float(team.break_minutes),
    )


def _duty(team: MobileTeam, shift: Shift, zone: ZoneInfo) -> Span | None:
    """The longest stretch of the shift that the team works; None where it does not."""
    if team.shifts and shift.name not in team.shifts:
        return None
    whole = (shift.start, shift.end)
    if team.starts is None or team.ends is None:
        return whole
    return max(daily(team.name, team.starts, team.ends, whole, zone), key=_minutes, default=None)


def daily(name: str, starts: time, ends: time, within: Span, zone: ZoneInfo) -> Iterator[Span]:
    """Every stretch from one local time to another, as far as it lies within a span; in order of time."""
    pattern = ShiftPattern(name=name, starts=starts, ends=ends)
    first = within[0].astimezone(zone).date() - timedelta(days=1)
    for number in range((within[1].astimezone(zone).date() - first).days + 1):
        day: date = first + timedelta(days=number)
        once = shift_on(pattern, day, zone)
        found = overlap((once.start, once.end), within)
        if found[0] < found[1]:
            yield found


def overlap(one: Span, other: Span) -> Span:
    """What two stretches share; of no length where they share nothing."""
    start = max(one[0], other[0])
    return start, max(start, min(one[1], other[1]))


def without(span: Span, taken: tuple[Span, ...]) -> tuple[Span, ...]:
    """What is left of a stretch without others, which are in order of time."""
    left, begins = [], span[0]
    for start, end in taken:
        if begins < min(start, span[1]):
            left.append((begins, min(start, span[1])))
        begins = max(begins, end)
    if begins < span[1]:
        left.append((begins, span[1]))
    return tuple(left)


def _minutes(span: Span) -> float:
    return (span[1] - span[0]).total_seconds() / 60
