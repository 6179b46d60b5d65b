"""How useful lists and forecasts were to those who got them, by month and team: counts after disclosure control.

Only months that are over are counted, so that no second question tells what came between two: a count of one evening
would be somebody's. No worker is told apart, and a team's month in which too few people spoke is not told by verdict.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from crisisrisk.database.usefulness import ForecastVerdict, ScoreVerdict
from crisisrisk.disclosure import Released, released_count
from crisisrisk.timeline import Window

MONTHS = 12
FEWEST_VOICES = 3
"""Of fewer, each could tell what the other said, and a lead what one worker did."""
STEP_IN_100 = 5

Month = tuple[int, int]


@dataclass(frozen=True)
class Counted:
    """Verdicts of one kind in one month. `by_verdict` is None where too few people spoke for it to be told."""

    said: Released
    by_verdict: Mapping[str, Released] | None
    useful_in_100: int | None


def complete_months(now: datetime, zone: ZoneInfo) -> Sequence[Month]:
    """The last twelve months that are over, the earliest first, by the clock on the wall."""
    local = now.astimezone(zone)
    newest = 12 * local.year + local.month - 1  # months since year 0; the running one
    return [(number // 12, number % 12 + 1) for number in range(newest - MONTHS, newest)]


def stretch(months: Sequence[Month], zone: ZoneInfo) -> Window:
    """From the beginning of the first to the end of the last."""
    (first_year, first), (year, last) = months[0], months[-1]
    after = (year + 1, 1) if last == 12 else (year, last + 1)
    return Window(datetime(first_year, first, 1, tzinfo=zone), datetime(*after, 1, tzinfo=zone))


def month_of(moment: datetime, zone: ZoneInfo) -> Month:
    """In which month a moment is, by the clock on the wall."""
    local = moment.astimezone(zone)
    return local.year, local.month


def score_counts(said: Sequence[ScoreVerdict]) -> Counted:
    """What was said of scores: agreed, disagreed, acted. Useful is one that somebody agreed with or acted on."""
    enough = len({one.made_by for one in said}) >= FEWEST_VOICES
    return _counted((one.verdict for one in said), ("agree", "disagree", "acted"), ("agree", "acted"), enough=enough)


def forecast_counts(said: Iterable[ForecastVerdict]) -> Counted:
    """What was said of forecasts: useful or not."""
    return _counted((one.verdict for one in said), ("useful", "not_useful"), ("useful",), enough=True)


def _counted(verdicts: Iterable[str], kinds: Sequence[str], useful: Sequence[str], *, enough: bool) -> Counted:
    counts = Counter(verdicts)
    said = released_count(counts.total())
    if not enough:
        return Counted(said, None, None)
    told = {kind: released_count(counts[kind]) for kind in kinds}
    known = {kind: count for kind, count in told.items() if isinstance(count, int)}
    if len(known) < len(told):
        return Counted(said, told, None)
    # From the rounded counts, so that the whole and the share give none of them back more exactly.
    whole = sum(known.values())
    return Counted(whole, told, _in_100(sum(known[kind] for kind in useful), whole))


def _in_100(part: int, whole: int) -> int | None:
    """A share in steps of 5 of 100; None of nothing."""
    return STEP_IN_100 * round(100 * part / whole / STEP_IN_100) if whole else None
