"""A trust sheet as one HTML file that needs nothing beside it, as Markdown and as JSON."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.disclosure import shown_count
from crisisrisk.evaluation.card.headings import with_contents, with_headings
from crisisrisk.evaluation.card.plots import best_rule, day_of, plots_of
from crisisrisk.evaluation.card.rule_words import rule_meaning, rule_words
from crisisrisk.evaluation.fairness import TOO_FEW

HTML, MARKDOWN, JSON = "card.html", "card.md", "card.json"
TEMPLATES = Path(__file__).parent / "templates"


def card_files(content: Mapping[str, Any], zone: ZoneInfo) -> dict[str, str]:
    """The three files by name. The same content gives the same bytes."""
    return {
        HTML: _rendered("card.html", content, zone),
        MARKDOWN: _rendered("card.md", content, zone),
        JSON: json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    }


def _rendered(name: str, content: Mapping[str, Any], zone: ZoneInfo) -> str:
    filters: dict[str, Callable[..., str]] = {
        "count": shown_count,
        "hundred": hundred,
        "interval": interval,
        "number": number,
        "days": days,
        "cell": cell,
        "words": words,
        "signed": signed,
        "capital": capital,
        "day": lambda moment: day_of(moment, zone),
        "moment": lambda moment: moment_of(moment, zone),
    }
    return filled(name, plots_of(content, zone), filters, card=content, best_rule=best_rule(content), too_few=TOO_FEW)


def filled(name: str, plots: Mapping[str, str | None], filters: Mapping[str, Callable[..., str]], **values: Any) -> str:
    """A template with its values. `plots`: drawings of our own as SVG, escaped where they are made; None for none."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    templates = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=name.endswith(".html"), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    labelled = {"with_headings": lambda table: Markup(with_headings(table))}  # noqa: S704 -- escaped by the template
    templates.filters |= {**filters, **labelled, "rule": rule_words, "rule_meaning": rule_meaning}
    drawn = {plot: None if svg is None else Markup(svg) for plot, svg in plots.items()}  # noqa: S704 -- see above
    return with_contents(templates.get_template(name).render(plots=drawn, **values))


def moment_of(moment: str, zone: ZoneInfo) -> str:
    """The local day and time of a moment, such as Wed 18 Nov 2026, 16:00."""
    return f"{datetime.fromisoformat(moment).astimezone(zone):%a %-d %b %Y, %H:%M}"


def hundred(share: float | None) -> str:
    """A share as so many in 100."""
    return TOO_FEW if share is None else f"{100 * share:.0f}"


def number(value: float | None, digits: int = 2) -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None else _minus(f"{value:.{digits}f}")


def interval(found: Mapping[str, float | None] | None, digits: int = 2, scale: float = 1.0) -> str:
    """A value with its interval: 0.77 (0.73 to 0.80)."""
    if found is None or found["value"] is None:
        return TOO_FEW
    value, lower, upper = (found[end] for end in ("value", "lower", "upper"))
    ends = "" if lower is None or upper is None else f" ({scale * lower:.{digits}f} to {scale * upper:.{digits}f})"
    return _minus(f"{scale * float(value or 0.0):.{digits}f}{ends}")


def days(quartiles: list[float] | None) -> str:
    """Median and quartiles of days."""
    return TOO_FEW if quartiles is None else "{1:.0f} ({0:.0f} to {2:.0f})".format(*quartiles)


def cell(value: str) -> str:
    """A text as it may stand in a cell of a Markdown table."""
    return value.replace("|", "\\|").replace("\n", " ")


def words(name: str) -> str:
    """A name from a recipe, readable."""
    return name.replace("_", " ")


def capital(sentence: str) -> str:
    """With a capital letter, as a sentence begins."""
    return sentence[:1].upper() + sentence[1:]


def signed(value: float | None) -> str:
    """A movement of the log-odds."""
    return "–" if value is None else _minus(f"{value:+.2f}")


def _minus(figures: str) -> str:
    """With the sign that is read as minus, and none before a nought."""
    return re.sub(r"-(?=0(\.0+)?(?![\d.]))", "", figures).replace("-", "−")
