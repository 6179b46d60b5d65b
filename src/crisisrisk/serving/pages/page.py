"""One page: a template, what is told on it, and headers that let it load nothing but our own assets."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from fastapi.responses import HTMLResponse
from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup

from crisisrisk.positioning.care import kind_said
from crisisrisk.scoring.directions import in_brief
from crisisrisk.scoring.ordering import in_100
from crisisrisk.serving.answers import ReasonGiven
from crisisrisk.serving.identities import more_mark, name_mark
from crisisrisk.serving.pages.assets import assets
from crisisrisk.serving.pages.in_place import ASKED, SETTINGS
from crisisrisk.serving.wording import SELDOM
from crisisrisk.tables.pseudonyms import PSEUDONYM

_PLAIN = timedelta(days=270)
_EVENING = 18
_FORMAT = re.compile(r"(?:%-?[a-zA-Z][^%\w]?)+")
_IN_A_FILE = re.compile(r" named in \S+\.toml")
_EXAMPLE = datetime(2026, 11, 22, 18, 30, 5, tzinfo=ZoneInfo("UTC"))
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def name(person_id: str) -> Markup | str:
    """Where somebody's name goes once the look was kept; till then, and for who may not see it, the pseudonym."""
    # A pseudonym is nothing else than letters and figures.
    return Markup(name_mark(person_id)) if PSEUDONYM.fullmatch(person_id) else person_id  # noqa: S704


def more(person_id: str) -> Markup:
    """Where birth date and NHS number go."""
    return Markup(more_mark(person_id) if PSEUDONYM.fullmatch(person_id) else "")  # noqa: S704 -- as above


@cache
def environment() -> Environment:
    """Our templates before those of the design system. What is not safe HTML is escaped."""
    # The design system's macros ask for parts of parameters that are not given.
    made = Environment(
        loader=ChoiceLoader([PackageLoader("crisisrisk.serving.pages"), PackageLoader("nhsuk_frontend_jinja")]),
        undefined=ChainableUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.globals |= {"asset": lambda name: assets()[name].address, "htmx": SETTINGS}
    made.filters |= {
        "number": number,
        "span": span,
        "span_of_place": span_of_place,
        "capital": capital,
        "counted": counted,
        "ended": ended,
        "hundredth": hundredth,
        "model_said": model_said,
        "rule_said": rule_said,
        "site_kind": kind_said,
        "lower_first": lower_first,
        "more": more,
        "in_brief": reasons_in_brief,
        "name": name,
        "reference": reference,
        "within": within,
    }
    return made


def page(
    template: str,
    told: Mapping[str, Any],
    *,
    zone: ZoneInfo,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    in_place: bool = False,
) -> HTMLResponse:
    """A page of a template. `zone`: by whose clock moments are told; `in_place`: without what stands round a page."""
    layout = "in_place.jinja" if in_place else "base.jinja"
    content = environment().get_template(template).render(**told, local=Local(zone), layout=layout, in_place=in_place)
    return as_page(content, status=status, headers=headers)


def as_page(content: str | bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """The same of a page that was made before."""
    return HTMLResponse(content, status, {"Content-Security-Policy": POLICY, "Vary": ASKED, **(headers or {})})


Day: TypeAlias = date


class Local:
    """Moments by the clock on the wall. `on`: the day alone, where no time of day is known."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone

    def time(self, moment: datetime) -> str:
        """`22:00`."""
        return f"{moment.astimezone(self.zone):%H:%M}"

    def day(self, moment: datetime) -> str:
        """`Sunday 22 November`."""
        return f"{moment.astimezone(self.zone):%A %-d %B}"

    def date(self, moment: datetime, on: Day | None = None) -> str:
        """`22 Nov 2026`."""
        return f"{on or moment.astimezone(self.zone):%-d %b %Y}"

    def iso(self, moment: datetime) -> str:
        """`2026-11-22`, as forms send a day."""
        return moment.astimezone(self.zone).date().isoformat()

    def near(self, moment: datetime, now: datetime, on: Day | None = None) -> str:
        """`22 Nov`, with its year where that is not plain."""
        return self.date(moment, on) if abs(now - moment) > _PLAIN else f"{on or moment.astimezone(self.zone):%-d %b}"

    def moment(self, moment: datetime, on: Day | None = None) -> str:
        """`Sun 22 Nov 22:00`, or `Sun 22 Nov`."""
        return f"{on:%a %-d %b}" if on else f"{moment.astimezone(self.zone):%a %-d %b %H:%M}"

    def whole(self, moment: datetime, on: Day | None = None) -> str:
        """`Sun 22 Nov 2026, 22:00`, or `Sun 22 Nov 2026`."""
        return f"{on:%a %-d %b %Y}" if on else f"{moment.astimezone(self.zone):%a %-d %b %Y, %H:%M}"

    def stretch(self, start: datetime, end: datetime) -> str:
        """`Sunday 22:00 to Monday 08:00`."""
        first, last = (moment.astimezone(self.zone) for moment in (start, end))
        same = first.date() == last.date()
        return f"{first:%A %H:%M} to {last:%H:%M}" if same else f"{first:%A %H:%M} to {last:%A %H:%M}"

    def of_shift(self, start: datetime, end: datetime) -> str:
        """`Sunday 22 Nov 22:00 to Monday 08:00`: the day is plain in whatever week it is read."""
        day, whole = f"{start.astimezone(self.zone):%A}", f"{start.astimezone(self.zone):%A %-d %b}"
        return self.stretch(start, end).replace(day, whole, 1)

    def from_now(self, start: datetime, end: datetime, now: datetime) -> str:
        """`Tonight`, `Today`, `Tomorrow`, or `Now` while a stretch of time runs; empty for any other."""
        if start <= now:
            return "Now" if now < end else ""
        first, today = start.astimezone(self.zone), now.astimezone(self.zone).date()
        if first.date() == today:
            return "Tonight" if first.hour >= _EVENING else "Today"
        return "Tomorrow" if first.date() == today + timedelta(days=1) else ""

    def told(self, text: str) -> str:
        """A sentence of the API, which tells moments in UTC, with them by the clock on the wall."""
        return _MOMENT.sub(lambda found: self.moment(datetime.fromisoformat(found.group())), text)


def capital(text: str) -> str:
    """A sentence's first letter, but where it begins with a file."""
    return text if "/" in text.partition(" ")[0] else f"{text[:1].upper()}{text[1:]}"


def counted(count: int, one: str, many: str) -> str:
    """`1 person`, `3 people`."""
    return f"{count} {one if count == 1 else many}"


def reasons_in_brief(reasons: Sequence[ReasonGiven], *, most: int = 2) -> str:
    """Why, in one line: what pushes a number up, else what pulls it down, saying so."""
    return " · ".join(in_brief([(one.direction, one.text) for one in reasons], most=most)) or "no reason stands out"


def ended(text: str) -> str:
    """Somebody's own words as a sentence: with a full stop unless they have an end of their own."""
    return text if not text or text[-1] in ".!?…" else f"{text}."


def lower_first(text: str) -> str:
    """A sentence within another: "I agree" stays as it is."""
    return text if text.startswith("I ") else f"{text[:1].lower()}{text[1:]}"


def within(text: str) -> str:
    """A record's own words within a sentence: not where a name or a short form is in them."""
    return lower_first(text) if text[1:] == text[1:].lower() else text


def model_said(name: str) -> str:
    """Which model it is, for whoever does not know its name on the machine."""
    kinds = {"person": "the model of people", "place": "the model of places"}
    return kinds.get(name.partition("_")[0], f"the model {name}")


def rule_said(rule: str) -> Markup:
    """What a row has to be: the column as it is named in tables, and the way a time is written by an example."""
    column, colon, wanted = rule.partition(": ")
    named = _IN_A_FILE.sub(" that this site names", wanted)
    shown = _FORMAT.sub(lambda found: _EXAMPLE.strftime(found.group()), named)
    return Markup("<code>{}</code>: {}").format(column, shown) if colon else Markup("{}").format(rule)


def reference(text: str) -> Markup:
    """A reference in one piece: `S-1184` must not end a line at its hyphen."""
    return Markup('<span class="cr-whole">{}</span>').format(text)


def number(value: float | None) -> str:
    """A count of contacts as it is read aloud: whole from 10 upwards, one decimal below, two below 1."""
    if value is None:
        return "not known"
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"


def span(lower: float | None, upper: float | None) -> str:
    """A range of counts, whose ends can come."""
    if lower is None or upper is None:
        return "not estimated"
    return f"{lower:.0f} to {upper:.0f}" if f"{lower:.0f}" != f"{upper:.0f}" else f"{lower:.0f}"


def span_of_place(lower: float | None, upper: float | None) -> str:
    """The same of one place. One that ends at none still leaves out one night in ten: it must not read as a promise."""
    return SELDOM if upper is not None and f"{upper:.0f}" == "0" else span(lower, upper)


def hundredth(chance: float) -> str:
    """A chance as a number of 100, as numbers about people are said."""
    return f"{in_100(chance):g}"
