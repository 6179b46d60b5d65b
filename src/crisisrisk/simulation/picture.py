"""picture.html: what the city looks like, so that a reader can judge whether it is believable."""

from collections.abc import Callable, Sequence
from html import escape

import h3
import numpy as np

from crisisrisk.evaluation import svg
from crisisrisk.simulation.city import City
from crisisrisk.simulation.contacts import SOURCES
from crisisrisk.simulation.period import Indices, Numbers, Period, local_clock
from crisisrisk.simulation.settings import CitySettings
from crisisrisk.simulation.tally import Tally, night_of

_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}"
    "svg{width:100%;height:auto}table{border-collapse:collapse;font-size:.85rem}td,th{padding:.1rem .5rem;"
    "text-align:right;border-bottom:1px solid #ddd}th:first-child{text-align:left}figure{margin:2rem 0}"
    "@media print{details{display:none}figure{break-inside:avoid}}"
)
_SHOWN_EPISODE_DAYS = 30
_CONCENTRATION_ROWS = (1, 2, 5, 10, 20, 50)
_TENTH = _CONCENTRATION_ROWS.index(10)


def picture_page(settings: CitySettings, city: City, period: Period, tally: Tally, expected: Numbers | None) -> str:
    """The page. `expected` (cells,) is the expected number of contacts of the night on the map, where it is known."""
    figures = [
        _hours(tally),
        _episodes(tally.episodes),
        _concentration(tally),
        _night(city, period, tally.night, expected),
    ]
    contacts = int(tally.by_source.sum())
    return (
        '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>An invented city</title>\n<style>{_STYLE}</style>\n</head>\n"
        "<body>\n<main>\n<h1>An invented city</h1>\n"
        f"<p>{settings.people:,} people known to services, {settings.residents:,} residents, {len(city):,} places, "
        f"{contacts:,} contacts from {period.first:%d %B %Y} on. Nobody in it exists. "
        f"Preset {escape(settings.preset)}, seed {settings.seed}, parameters {settings.digest()[:12]}.</p>\n"
        + "\n".join(figures)
        + "</main>\n</body>\n</html>\n"
    )


def _figure(drawing: str, caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plot, what it shows, and its numbers as a table for those who do not see it."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(value)}</td>" for value in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f"<figure>\n{drawing}<figcaption>{escape(caption)}</figcaption>\n<details><summary>The numbers</summary>\n"
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</details>\n</figure>\n"
    )


def _hours(tally: Tally) -> str:
    """When contacts of each source happen: each row on its own scale."""
    used = np.flatnonzero(tally.by_source)
    counts = tally.by_hour[used]
    names = [SOURCES[number] for number in used.tolist()]
    body, height = svg.grid(counts / counts.max(axis=1, keepdims=True, initial=1), names)
    busiest = [int(row.argmax()) for row in counts]
    described = "; ".join(f"{name} most at {hour:02d}:00" for name, hour in zip(names, busiest, strict=True))
    caption = "Contacts by hour of the day and source. Each row is shaded from its quietest to its busiest hour."
    caption += " Some agencies' files say the day only."
    rows = [
        [name, f"{row.sum():,}", *(f"{count:,}" for count in row.tolist())]
        for name, row in zip(names, counts, strict=True)
    ]
    headings = ["source", "contacts", *(f"{hour:02d}" for hour in range(24))]
    drawing = svg.figure("hours", "Contacts by hour and source", described, body, height=height)
    return _figure(drawing, caption, headings, rows)


def _episodes(lengths: Indices) -> str:
    """How long crisis episodes last."""
    shown = np.append(lengths[:_SHOWN_EPISODE_DAYS], lengths[_SHOWN_EPISODE_DAYS:].sum())
    shares = 100 * shown / max(1, shown.sum())
    highest = max(10.0, float(np.ceil(shares.max() / 10)) * 10)
    frame = svg.Frame(across=(0.0, float(len(shown))), up=(0.0, highest))
    body = frame.axes(labels=("whole days", "% of episodes"), marks=range(0, len(shown), 5))
    body += frame.bars(shares)
    within = 100 * lengths[:7].sum() / max(1, lengths.sum())
    caption = (
        f"Crisis episodes by length, from first to last crisis contact, at least seven days of calm between two: "
        f"{lengths.sum():,} episodes, {shares[0]:.0f} in 100 within a day, {within:.0f} in 100 within a week. "
        f"The last bar is {_SHOWN_EPISODE_DAYS} days and more."
    )
    rows = [
        [str(day), f"{count:,}", f"{share:.1f}"] for day, (count, share) in enumerate(zip(shown, shares, strict=True))
    ]
    drawing = svg.figure("episodes", "Length of crisis episodes", caption, body)
    return _figure(drawing, caption, ["days", "episodes", "%"], rows)


def concentration(counts: Indices) -> tuple[Numbers, Numbers]:
    """Share of people who had any, and share of what they had, most frequent first. From (0, 0) to (1, 1).

    `counts[n]` people had n each.
    """
    people = counts[:0:-1].astype(np.float64)
    had = people * np.arange(len(counts) - 1, 0, -1)
    kept = np.append(0, np.flatnonzero(people) + 1)
    shares = [np.append(0.0, np.cumsum(values)) / max(1.0, values.sum()) for values in (people, had)]
    return shares[0][kept], shares[1][kept]


def _concentration(tally: Tally) -> str:
    """How much comes from how few."""
    frame = svg.Frame(across=(0.0, 50.0), up=(0.0, 100.0))
    labels = ("% of the people who had any, most frequent first", "% of the last year's")
    body = frame.axes(labels=labels, marks=range(0, 51, 10))
    curves = {
        "crisis contacts": (concentration(tally.crises), svg.BLUE, ""),
        "section 136 detentions": (concentration(tally.detentions), svg.ORANGE, "6 3"),
    }
    x, tabled = np.linspace(0, frame.across[1], 200), []
    for place, (name, ((people, had), colour, dashes)) in enumerate(curves.items()):
        y = 100 * np.interp(x / 100, people, had)
        body.append(frame.line(x, y, colour=colour, dashes=dashes))
        body.append(svg.text(svg.WIDTH - 190, 190 + 18 * place, name, colour=colour))
        tabled.append(100 * np.interp(np.array(_CONCENTRATION_ROWS) / 100, people, had))
    rows = [[f"{part:g}", *(f"{values[row]:.0f}" for values in tabled)] for row, part in enumerate(_CONCENTRATION_ROWS)]
    had_any = [int(counts[1:].sum()) for counts in (tally.crises, tally.detentions)]
    tenth = [f"the most frequent tenth of them had {values[_TENTH]:.0f} in 100" for values in tabled]
    caption = (
        f"Who the last year's contacts come from. {had_any[0]:,} people had a crisis contact: {tenth[0]} of all. "
        f"{had_any[1]:,} were detained under section 136: {tenth[1]} of the detentions."
    )
    drawing = svg.figure("concentration", "Concentration", caption, body)
    return _figure(drawing, caption, ["% of people", *(f"% of {name}" for name in curves)], rows)


def _night(city: City, period: Period, happened: Indices, expected: Numbers | None) -> str:
    """One Saturday night: how many contacts each place could expect, and how many came."""
    size = 560.0
    project = _projection(city, size)
    shaded = np.zeros(len(city)) if expected is None else expected / max(float(np.quantile(expected, 0.99)), 1e-9)
    body = [
        svg.polygon([project(corner) for corner in h3.cell_to_boundary(cell)], fill=svg.shade(part**0.5))
        for cell, part in zip(city.ids, shaded.tolist(), strict=True)
    ]
    for cell in np.flatnonzero(happened).tolist():
        x, y = project((city.latitude[cell], city.longitude[cell]))
        body.append(svg.dot(x, y, radius=2 + 2 * float(np.sqrt(happened[cell]))))
    starts = local_clock(np.array(night_of(period)))
    foreseen = "" if expected is None else f"darker places could expect more contacts ({expected.sum():.0f} in all), "
    caption = (
        f"The night of {starts[0]:%A %d %B %Y %H:%M} to {starts[1]:%H:%M}: {foreseen}rings are the {happened.sum():,} "
        f"that came, larger where there were more."
    )
    order = np.lexsort((-happened, -shaded))[:20]
    rows = [
        [city.names[cell], "–" if expected is None else f"{expected[cell]:.2f}", str(happened[cell])]
        for cell in order.tolist()
    ]
    drawing = svg.figure("night", "Map of a night", caption, body, height=round(size) + 20)
    return _figure(drawing, caption, ["place (the 20 highest)", "expected", "came"], rows)


def _projection(city: City, size: float) -> Callable[[tuple[float, float]], tuple[float, float]]:
    """From latitude and longitude to pixels: north up, the whole city inside."""
    squeeze = float(np.cos(np.radians(city.latitude.mean())))
    x, y = city.longitude * squeeze, -city.latitude
    margin = 0.012
    scale = size / (max(float(np.ptp(x)), float(np.ptp(y))) + 2 * margin)
    left = (svg.WIDTH - float(np.ptp(x)) * scale) / 2

    def project(point: tuple[float, float]) -> tuple[float, float]:
        across = left + (point[1] * squeeze - float(x.min())) * scale
        return across, 10 + (-point[0] - float(y.min()) + margin) * scale

    return project
