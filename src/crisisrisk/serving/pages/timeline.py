"""A person's numbers of 24 weeks drawn over the contacts of that time, with what is not complete yet shaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crisisrisk.serving.contacts import SENSITIVE, URGENT_CONTACT
from crisisrisk.serving.pages.drawing import LEAST_TOP, line_of
from crisisrisk.serving.pages.kinds import Kinds
from crisisrisk.serving.pages.page import Local
from crisisrisk.serving.risk_answers import RiskHistory

LEFT, RIGHT, TOP, CHART, LANE = 216, 14, 12, 130, 20
WIDTH = 760
LANES = 9
OTHERS = "other kinds"


@dataclass(frozen=True, kw_only=True)
class Lane:
    """Contacts of one kind. `shade_x`: from where on more of them may still become known; None where all are."""

    name: str
    y: float
    marks: Sequence[float]
    shade_x: float | None


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What to draw. `months`, `levels` and `models`: lines with what stands beside them."""

    width: int
    height: int
    line: str
    range: str
    dots: Sequence[tuple[float, float]]
    lanes: Sequence[Lane]
    months: Sequence[tuple[float, str]]
    levels: Sequence[tuple[float, str]]
    models: Sequence[float]
    late: Sequence[float]
    says: str


def timeline_of(history: RiskHistory, kinds: Kinds, local: Local) -> Timeline:
    """The drawing of a history, up to the moment of the score."""
    until = max([history.as_of, *(one.occurred_at for one in history.contacts)])
    scale = _Scale(history.since, until, _top(history))
    lanes = _lanes(history, kinds, scale)
    dots = [(scale.x(one.as_of), scale.y(one.probability)) for one in history.scores if one.probability is not None]
    return Timeline(
        width=WIDTH, height=TOP + CHART + 24 + LANE * len(lanes) + 6,
        line=line_of(_with_gaps(history, scale)), range=_range(history, scale), dots=dots, lanes=lanes,
        months=[(scale.x(month), month.astimezone(local.zone).strftime("%b")) for month in _months(scale, local)],
        levels=[(scale.y(part * scale.top), f"{100 * part * scale.top:g}") for part in (0.0, 0.5, 1.0)],
        models=[scale.x(one.as_of) for one in history.model_changes],
        late=[scale.x(one.as_of) for one in history.scores if one.late], says=_says(history, local),
    )  # fmt: skip


@dataclass(frozen=True)
class _Scale:
    """Moments and chances as places of a drawing."""

    since: datetime
    until: datetime
    top: float

    def x(self, moment: datetime) -> float:
        share = (moment - self.since) / (self.until - self.since)
        return round(LEFT + (WIDTH - LEFT - RIGHT) * min(max(share, 0.0), 1.0), 1)

    def y(self, chance: float) -> float:
        return round(TOP + CHART * (1 - min(chance / self.top, 1.0)), 1)


def _top(history: RiskHistory) -> float:
    """The chance at the upper edge: a tenth of 100 at least, and in steps of a tenth."""
    highest = max((one.upper or one.probability or 0.0 for one in history.scores), default=0.0)
    return max(LEAST_TOP, 10 * -(-highest * 100 // 10)) / 100


def _with_gaps(history: RiskHistory, scale: _Scale) -> list[tuple[float, float] | None]:
    return [
        None if one.probability is None else (scale.x(one.as_of), scale.y(one.probability)) for one in history.scores
    ]


def _range(history: RiskHistory, scale: _Scale) -> str:
    """Upper and lower ends as one closed path for each stretch without a gap; a single score is an upright line."""
    parts: list[str] = []
    stretch: list[tuple[float, float, float]] = []
    for one in [*history.scores, None]:
        if one is not None and one.lower is not None and one.upper is not None:
            stretch.append((scale.x(one.as_of), scale.y(one.lower), scale.y(one.upper)))
        elif stretch:
            there = "L".join(f"{x:g} {upper:g}" for x, _, upper in stretch)
            parts.append(f"M{there}L{'L'.join(f'{x:g} {lower:g}' for x, lower, _ in reversed(stretch))}Z")
            stretch = []
    return "".join(parts)


def _lanes(history: RiskHistory, kinds: Kinds, scale: _Scale) -> list[Lane]:
    """One for each kind that there is, the one of the most contacts first; the rarest together."""
    moments: dict[str, list[datetime]] = {}
    for one in history.contacts:
        moments.setdefault(one.source, []).append(one.occurred_at)
    names = sorted(moments, key=lambda name: (-len(moments[name]), name))
    shown = names if len(names) <= LANES else names[: LANES - 1]
    lanes = [(kinds.many(name), moments[name], _complete(name, history.data_complete_to)) for name in shown]
    if rest := names[len(shown) :]:
        complete = [_complete(name, history.data_complete_to) for name in rest]
        known = [one for one in complete if one is not None]
        lanes.append((OTHERS, [moment for name in rest for moment in moments[name]], min(known, default=None)))
    start = TOP + CHART + 24
    return [
        Lane(name=name, y=start + LANE * place, marks=[scale.x(one) for one in found],
             shade_x=None if complete is None or complete >= scale.until else scale.x(complete))
        for place, (name, found, complete) in enumerate(lanes)
    ]  # fmt: skip


def _complete(name: str, complete_to: Mapping[str, datetime]) -> datetime | None:
    """Up to when records of a kind are complete; of urgent contacts by the one that is known least far."""
    names = SENSITIVE if name == URGENT_CONTACT else {name}
    return min((complete_to[one] for one in names if one in complete_to), default=None)


def _months(scale: _Scale, local: Local) -> list[datetime]:
    """The first moment of each month."""
    found, month = [], scale.since.astimezone(local.zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month < scale.until:
        if month >= scale.since:
            found.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    return found


def _says(history: RiskHistory, local: Local) -> str:
    numbers = [one.likely_in_100 for one in history.scores if one.likely_in_100 is not None]
    over = f"{len(history.contacts)} contacts since {local.date(history.since)}"
    if len(numbers) < 2:
        return f"One number, {numbers[-1] if numbers else 0:g} in 100, over {over}. The lists below say the same."
    return (
        f"{len(numbers)} numbers: first {numbers[0]:g}, lowest {min(numbers):g}, highest {max(numbers):g}, now "
        f"{numbers[-1]:g} in 100, over {over}. The lists below say the same."
    )
