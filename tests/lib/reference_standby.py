"""What crews at sites are worth, contact by contact and night by night, and every way to place them: slow and plain."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise, product

import numpy as np

from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.ground import Ground

MOST_BUSY, FEW_DRAWN = 0.95, 50.0
Places = tuple[tuple[int, ...], ...]


def cuts_of(ground: Ground, crews: tuple[Crew, ...], periods: int) -> list[tuple[datetime, datetime, int]]:
    """The stretches of the shift with their period."""
    length = (ground.end - ground.start) / periods
    edges = {ground.start + length * one for one in range(periods + 1)}
    for crew in crews:
        for begins, ends in crew.spans or ():
            edges |= {one for one in (begins, ends) if ground.start < one < ground.end}
    ordered = sorted(edges)
    return [
        (one, other, max(period for period in range(periods) if ground.start + length * period <= one))
        for one, other in pairwise(ordered)
    ]


def share_of(ground: Ground, begins: datetime, ends: datetime) -> float:
    """The share of the contacts between two moments, minute by minute."""
    minutes = round((ground.end - ground.start) / timedelta(minutes=1))
    total = 0.0
    for minute in range(minutes):
        moment = ground.start + timedelta(minutes=minute)
        if begins <= moment < ends:
            hour = minute // 60
            of_hour = min(60, minutes - 60 * hour)
            total += (ground.hourly[hour] / of_hour) if len(ground.hourly) else 1 / minutes
    return total


def serves(ground: Ground, crew: Crew, cell: int) -> bool:
    """Whether a crew may serve a cell."""
    return not crew.areas or bool(ground.cell_places[cell] & set(crew.areas))


def may_stand(ground: Ground, crew: Crew, site: int) -> bool:
    """Whether a crew may stand at a site."""
    named = not crew.may_stand or ground.sites.ids[site] in crew.may_stand
    return named and (not crew.areas or bool(ground.site_places[site] & set(crew.areas)))


def is_out(crew: Crew, begins: datetime, ends: datetime) -> bool:
    """Whether it stands and goes for all of a stretch."""
    return crew.spans is None or any(one <= begins and ends <= other for one, other in crew.spans)


def pieces_of(ground: Ground, begins: datetime, ends: datetime) -> list[tuple[datetime, datetime]]:
    """Whole hours since the start, at which alone anything changes in these shifts."""
    count = round((ends - begins) / timedelta(hours=1))
    edges = [begins + timedelta(hours=1) * one for one in range(count + 1)]
    assert edges[-1] == ends
    return list(pairwise(edges))


def away_in(ground: Ground, crews: tuple[Crew, ...], begins: datetime, ends: datetime, cell: int) -> np.ndarray:
    """The share of a piece of time that teams near a cell are away, by night. Shape (nights,)."""
    hours, share = (ends - begins) / timedelta(hours=1), share_of(ground, begins, ends)
    cells = range(len(ground.expected))
    same = [tuple(serves(ground, crew, other) for crew in crews) for other in cells]
    mine = [other for other in cells if same[other] == same[cell]]
    on_hand = at_work = 0.0
    for crew in crews:
        if not serves(ground, crew, cell) or not is_out(crew, begins, ends):
            continue
        own = sum(max(sum(ground.expected[one] for one in cells if same[one] == kind), 1e-12)
                  for kind in {same[one] for one in cells if serves(ground, crew, one)})  # fmt: skip
        part = max(sum(ground.expected[one] for one in mine), 1e-12) / own
        rest = sum(
            minutes * max((min(ends, until) - max(begins, since)) / timedelta(minutes=1), 0.0)
            / ((until - since) / timedelta(minutes=1)) for minutes, (since, until) in crew.breaks
        ) / (hours * 60)  # fmt: skip
        on_hand += hours * part
        at_work += hours * part * (1 - min(rest, 1.0))
    contacts = ground.samples[:, mine].sum(axis=1) * share * ground.hours_each
    busy = np.minimum(contacts / max(at_work, 1e-12), MOST_BUSY)
    working = at_work / on_hand if on_hand > 0 else 0.0
    return np.minimum(1 - (1 - busy) * working, MOST_BUSY)


def worth_of(ground: Ground, crews: tuple[Crew, ...], places: Places, target: float) -> float:
    """Expected contacts that find a free team."""
    total = 0.0
    sorts = [((), 1 - sum(need.share for need in ground.needs)), *((need.skills, need.share) for need in ground.needs)]
    for cut in cuts_of(ground, crews, len(places)):
        begins, ends, period = cut
        share = share_of(ground, begins, ends)
        for cell in range(len(ground.expected)):
            chances = np.zeros(len(crews))
            for since, until in pieces_of(ground, begins, ends):
                away = away_in(ground, crews, since, until, cell)
                weight = share_of(ground, since, until) / share if share > 0 else 1.0
                chances += weight * np.array(_found(ground, crews, cell, away))
            for skills, part in sorts:
                near = sum(
                    site >= 0 and is_out(crew, begins, ends) and serves(ground, crew, cell)
                    and ground.minutes[site, cell] <= target and set(skills) <= set(crew.skills)
                    for crew, site in zip(crews, places[period], strict=True)
                )  # fmt: skip
                total += ground.expected[cell] * share * part * sum(chances[:near])
    return total


def _found(ground: Ground, crews: tuple[Crew, ...], cell: int, away: np.ndarray) -> list[float]:
    """What the first, the second … team near a cell is worth, for each contact expected there."""
    cells = range(len(ground.expected))
    same = [tuple(serves(ground, crew, other) for crew in crews) for other in cells]
    mine = [other for other in cells if same[other] == same[cell]]
    found = []
    for level in range(len(crews)):
        weight = (1 - away) * away**level
        drawn = ground.samples[:, mine].sum()
        overall = (ground.samples[:, mine].sum(axis=1) @ weight) / drawn if drawn > 0 else weight.mean()
        own = ground.samples[:, cell] @ weight
        found.append(float((own + FEW_DRAWN * overall) / (ground.samples[:, cell].sum() + FEW_DRAWN)))
    return found


def every_placing(ground: Ground, crews: tuple[Crew, ...], periods: int) -> Iterator[Places]:
    """Every site for every crew in every period in which it stands, where there is room."""
    cuts = cuts_of(ground, crews, periods)
    choices = []
    for period in range(periods):
        for crew in crews:
            stands = any(is_out(crew, begins, ends) for begins, ends, own in cuts if own == period)
            sites = [site for site in range(len(ground.room)) if ground.room[site] and may_stand(ground, crew, site)]
            choices.append(sites if stands else [-1])
    for chosen in product(*choices):
        places = tuple(chosen[len(crews) * one : len(crews) * (one + 1)] for one in range(periods))
        if all(_fits(ground, crews, places[cut[2]], cut) for cut in cuts):
            yield places


def _fits(
    ground: Ground, crews: tuple[Crew, ...], at: tuple[int, ...], cut: tuple[datetime, datetime, int]
) -> bool:  # fmt: skip
    standing = [site for crew, site in zip(crews, at, strict=True) if site >= 0 and is_out(crew, cut[0], cut[1])]
    return all(standing.count(site) <= ground.room[site] for site in set(standing))


def leaving_in(ground: Ground, crews: tuple[Crew, ...], places: Places) -> int:
    """How many crews stand elsewhere than at their base at any time, beside those for whom it has no room."""
    bases = [_base(ground, crew) for crew in crews]
    away = sum(base >= 0 and any(row[number] not in (base, -1) for row in places) for number, base in enumerate(bases))
    crowded = [0] * len(ground.room)
    for begins, ends, _ in cuts_of(ground, crews, len(places)):
        out = [base for crew, base in zip(crews, bases, strict=True) if is_out(crew, begins, ends)]
        crowded = [max(most, out.count(site) - ground.room[site]) for site, most in enumerate(crowded)]
    return int(away - sum(crowded))


def _base(ground: Ground, crew: Crew) -> int:
    base = ground.sites.ids.index(crew.base)
    return base if ground.room[base] and may_stand(ground, crew, base) else -1


def going_back(ground: Ground, crews: tuple[Crew, ...], places: Places) -> dict[int, Places]:
    """For each crew away from its base that finds room there: the same with it at its base whenever it stands."""
    found = {}
    for number, crew in enumerate(crews):
        base = _base(ground, crew)
        back = tuple(
            tuple(base if one == number and site >= 0 else site for one, site in enumerate(row)) for row in places
        )
        cuts = cuts_of(ground, crews, len(places))
        if base >= 0 and back != places and all(_fits(ground, crews, back[cut[2]], cut) for cut in cuts):
            found[number] = back
    return found


def moves_in(places: Places) -> int:
    """How many crews stand elsewhere in a period than in the last one before in which they stood."""
    moves = 0
    for crew in range(len(places[0])):
        stood = [row[crew] for row in places if row[crew] >= 0]
        moves += sum(one != other for one, other in pairwise(stood))
    return moves
