"""The plots of a trust sheet, from its content alone: readable in black and white, described for a screen reader."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crisisrisk.disclosure import shown_count
from crisisrisk.evaluation.card.rule_words import rule_words
from crisisrisk.evaluation.svg import DARK, GREY, SHEET_WIDTH, Frame, Numbers, figure, text

WIDTH, HEIGHT, SQUARE = SHEET_WIDTH, 280, 340
BOX, STEP = 30, 76
LETTERS = 50
"""As many stand on a line of a drawing, also where they are drawn larger."""


def plots_of(content: Mapping[str, Any], zone: ZoneInfo) -> dict[str, str]:
    """Each plot by name, as one <svg> element; empty where there is nothing to draw."""
    return {
        "flow": flow_plot(content["flow"]),
        "calibration": calibration_plot(content["calibration"]),
        "net_benefit": net_benefit_plot(content["net_benefit"]),
        "weekly": weekly_plot(content, zone),
        "features": feature_plot(content["features"]),
    }


def flow_plot(flow: Sequence[Mapping[str, Any]]) -> str:
    """The cohort flow: boxes down, and beside them who left at each step. Steps that dropped nobody are left out."""
    steps = [step for place, step in enumerate(flow) if place == 0 or step["people"] != 0 or step["rows"] != 0]
    if not steps:
        return ""
    parts, last = [], steps[-1]
    for place, step in enumerate(steps):
        top = 4 + place * STEP
        if place:
            parts += _taken_off(step, top - STEP + BOX)
        parts.append(f'<rect x="8" y="{top}" width="260" height="{BOX}" fill="#ffffff" stroke="{DARK}"/>')
        left = f"{shown_count(step['people_left'])} people, {shown_count(step['rows_left'])} rows"
        parts.append(text(138, top + 20, left, anchor="middle"))
    described = (
        f"From {shown_count(steps[0]['people_left'])} people to {shown_count(last['people_left'])}: "
        + "; ".join(f"{step['meaning']} took off {shown_count(step['people'])} people" for step in steps[1:])
    )  # fmt: skip
    height = 8 + (len(steps) - 1) * STEP + BOX
    return figure("flow", "Who was judged", described, parts, width=WIDTH, height=height)


def _taken_off(step: Mapping[str, Any], top: float) -> list[str]:
    """The way from one box down to the next, and who leaves it by an arrow."""
    middle = top + (STEP - BOX) / 2
    way = f"M40 {top:g}V{top + STEP - BOX:g}M40 {middle:g}H66M60 {middle - 4:g}L67 {middle:g}L60 {middle + 4:g}"
    gone = f"− {shown_count(step['people'])} people, {shown_count(step['rows'])} rows"
    return [
        f'<path d="{way}" fill="none" stroke="{GREY}"/>',
        text(76, middle - 3, step["meaning"]),
        text(76, middle + 14, gone, colour=GREY),
    ]


def calibration_plot(calibration: Mapping[str, Any]) -> str:
    """What happened against what was said: curve with its band, tenths of people as rings, the diagonal dashed."""
    points = [
        one for one in zip(calibration["said"], calibration["happened"], calibration["lower"], calibration["upper"],
                           strict=True) if None not in one
    ]  # fmt: skip
    if len(points) < 2:
        return ""
    said, happened, lower, upper = 100 * np.array(points, dtype=np.float64).T
    tenths = [one for one in calibration["bins"] if one["happened"] is not None]
    highest = _round_up(max(said.max(), upper.max(), *(100 * one["happened"] for one in tenths), 1.0))
    frame = Frame(across=(0.0, highest), up=(0.0, highest), width=WIDTH, height=SQUARE, left=44, top=28)
    marks = _marks(highest)
    parts = frame.axes(labels=("said, in 100", "happened, in 100"), marks=marks, up_marks=marks, up_shown="{:g}".format)
    parts.append(frame.band(said, lower, upper))
    parts.append(frame.line([0, highest], [0, highest], colour=GREY, dashes="5 4", width=1.5))
    parts.append(frame.line(said, happened))
    parts.append(frame.dots([100 * one["said"] for one in tenths], [100 * one["happened"] for one in tenths],
                            filled=False))  # fmt: skip
    parts += _key(frame, [("", "curve, with its 95 % band"), ("5 4", "as it should be")])
    middle = len(said) // 2
    described = (
        f"The curve runs from {happened[0]:.1f} in 100 where {said[0]:.1f} was said, over {happened[middle]:.1f} where "
        f"{said[middle]:.1f} was said, to {happened[-1]:.1f} (interval {lower[-1]:.1f} to {upper[-1]:.1f}) where "
        f"{said[-1]:.1f} was said. Rings are tenths of the people."
    )
    return figure("calibration", "What happened against what was said", described, parts, width=WIDTH, height=SQUARE)


def net_benefit_plot(decisions: Sequence[Mapping[str, Any]]) -> str:
    """Net benefit over thresholds: the model with its band, acting on everyone, on nobody, and by the five factors."""
    if not decisions or decisions[0]["lower"] is None:
        return ""
    at = np.array([100 * one["threshold"] for one in decisions])
    columns = {name: 1000 * np.array([one[name] for one in decisions], dtype=np.float64)
               for name in decisions[0] if name != "threshold"}  # fmt: skip
    top = _round_up(max(float(columns["upper"].max()), 1.0))
    bottom = -top / 4
    frame = Frame(
        across=(0.0, _round_up(float(at.max()))), up=(bottom, top), width=WIDTH, height=HEIGHT, left=44, top=28
    )
    parts = frame.axes(
        labels=("looking at all from so many in 100", "net benefit, crises in 1,000 people"),
        marks=_marks(frame.across[1]), up_marks=[bottom, 0, *_marks(top)[1:]], up_shown="{:g}".format,
    )  # fmt: skip
    floor = np.full(len(at), bottom)
    parts.append(frame.band(at, np.maximum(columns["lower"], floor), columns["upper"]))
    parts.append(frame.line([0, at.max()], [0, 0], dashes="1 4", width=1.5))
    parts.append(frame.line(*_above(at, columns["everyone"], bottom), colour=GREY, dashes="5 4"))
    lines = [("", "the model, with its 95 % band"), ("5 4", "everyone"), ("1 4", "nobody")]
    if "five_factor_regression" in columns:
        parts.append(
            frame.line(at, np.maximum(columns["five_factor_regression"], floor), colour=GREY, dashes="9 3 2 3")
        )
        lines.append(("9 3 2 3", rule_words("five_factor_regression")))
    parts.append(frame.line(at, np.maximum(columns["model"], floor)))
    parts += _key(frame, lines, left=frame.width - 256)
    worth = "; ".join(
        f"{value:.1f} at {threshold:g} in 100" for threshold, value in zip(at, columns["model"], strict=True)
    )
    described = f"Net benefit of the model in crises found for 1,000 people, needless looks taken off: {worth}."
    return figure("net-benefit", "Net benefit", described, parts, width=WIDTH, height=HEIGHT)


def weekly_plot(content: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Precision of each date's lists: the model's dots, the best simple rule's rings."""
    weeks = content["weekly"]
    best = best_rule(content)
    rows = {
        "model": [one["precision_at_k"] for one in weeks],
        "rule": [one["baselines"].get(best) for one in weeks],
    }
    known = [100 * value for values in rows.values() for value in values if value is not None]
    if not known or len(weeks) < 2:
        return ""
    highest = _round_up(1.02 * max(*known, 1.0))  # a dot at the very top lies on the words above
    frame = Frame(across=(0.0, len(weeks) - 1.0), up=(0.0, highest), width=WIDTH, height=HEIGHT, left=44, top=28)
    every = max(1, len(weeks) // 6)
    parts = frame.axes(
        labels=("date of the list", f"of 100 listed ({content['list_length']} a team), with a crisis contact"),
        marks=range(0, len(weeks), every), up_marks=_marks(frame.up[1]), up_shown="{:g}".format,
        shown=lambda place: day_of(weeks[int(place)]["as_of"], zone),
    )  # fmt: skip
    for name, dashes, filled in (("rule", "5 4", False), ("model", "", True)):
        places = [place for place, value in enumerate(rows[name]) if value is not None]
        values = [100 * float(rows[name][place] or 0.0) for place in places]
        parts.append(frame.line(places, values, dashes=dashes, colour=DARK if filled else GREY))
        parts.append(frame.dots(places, values, filled=filled, colour=DARK if filled else GREY))
    parts += _key(frame, [("", "the model"), ("5 4", rule_words(best))], bottom=True)
    told = [f"{100 * value:.0f}" for value in rows["model"] if value is not None]
    described = f"Of 100 names on the lists, with a crisis contact, list after list: {', '.join(told)}."
    return figure("weekly", "Precision of each list", described, parts, width=WIDTH, height=HEIGHT)


def feature_plot(features: Sequence[Mapping[str, Any]]) -> str:
    """Each feature's mean movement of the log-odds: a ring where its value is small, a dot where it is large."""
    if not features:
        return ""
    ends = [value for one in features for value in (one["when_small"], one["when_large"]) if value is not None]
    reach = max(0.05, *(abs(value) for value in ends)) * 1.15
    lines = [wrap(one["meaning"].removesuffix("."), LETTERS) for one in features]
    height = 44 + sum(map(_room, lines))
    frame = Frame(across=(-reach, reach), up=(0.0, height - 44.0), width=WIDTH, height=height, left=24, top=10,
                  bottom=34, right=24)  # fmt: skip
    floor, down = height - frame.bottom, 10.0
    parts = []
    for one, words in zip(features, lines, strict=True):
        parts += [text(4, down + 15 + 17 * line, word) for line, word in enumerate(words)]
        parts += _movement(frame, one, down + _room(words) - 18)
        down += _room(words)
    for mark in (-reach / 1.15, 0.0, reach / 1.15):
        parts.append(
            text(frame.x(mark), floor + 14, f"{mark:+.2f}".replace("-", "−") if mark else "0", anchor="middle")
        )
    parts.append(text(frame.x(0), height - 4, "lowers the log-odds · raises them", anchor="middle"))
    described = "; ".join(
        f"{one['meaning'].removesuffix('.')}: {_signed(one['when_small'])} where small, "
        f"{_signed(one['when_large'])} where large"
        for one in features
    )
    return figure("features", "What moves the number", described, parts, width=WIDTH, height=height)


def _room(words: Sequence[str]) -> int:
    """The height of a feature: its words, and the line under them."""
    return 17 * len(words) + 36


def _movement(frame: Frame, one: Mapping[str, Any], down: float) -> list[str]:
    """A ring where the value is small, a dot where it is large, between them a line, and where nothing moves."""
    y = frame.up[1] - (down - frame.top)
    known = [value for value in (one["when_small"], one["when_large"]) if value is not None]
    parts = [f'<path d="M{frame.x(0):.1f} {down - 9:.1f}V{down + 9:.1f}" stroke="{GREY}"/>']
    parts.append(frame.line(known, [y] * len(known), colour=GREY, width=1))
    for name, filled in (("when_small", False), ("when_large", True)):
        if one[name] is not None:
            parts.append(frame.dots([one[name]], [y], filled=filled))
    return parts


def _above(at: Numbers, values: Numbers, bottom: float) -> tuple[Numbers, Numbers]:
    """A falling line down to the bottom of the frame."""
    below = np.flatnonzero(values < bottom)
    if not len(below) or below[0] == 0:
        return at, np.maximum(values, bottom)
    last = int(below[0])
    share = (values[last - 1] - bottom) / (values[last - 1] - values[last])
    crossing = at[last - 1] + share * (at[last] - at[last - 1])
    return np.append(at[:last], crossing), np.append(values[:last], bottom)


def best_rule(content: Mapping[str, Any]) -> str:
    """The simple rule with the highest precision at list length."""
    rules = content["baselines"][1:]
    return str(max(rules, key=lambda one: one["precision_at_k"] or 0.0)["name"]) if rules else ""


def day_of(moment: str, zone: ZoneInfo) -> str:
    """The local day of a moment, such as 3 Aug."""
    return f"{datetime.fromisoformat(moment).astimezone(zone):%-d %b}"


def _key(frame: Frame, lines: Sequence[tuple[str, str]], *, left: int | None = None, bottom: bool = False) -> list[str]:
    """What each kind of line is, in a corner."""
    start = frame.left + 14 if left is None else left
    top = frame.height - frame.bottom - 16 * len(lines) if bottom else frame.top + 14
    parts = []
    for place, (dashes, words) in enumerate(lines):
        y = top + 16 * place
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(f'<path d="M{start} {y}H{start + 28}" stroke="{DARK}" stroke-width="2"{dashed}/>')
        parts.append(text(start + 34, y + 4, words))
    return parts


def _signed(value: float | None) -> str:
    return "not known" if value is None else f"{value:+.2f}"


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten, in steps that give four or five marks."""
    step = _step(value)
    return float(np.ceil(value / step - 1e-9) * step)


def _step(value: float) -> float:
    size = 10.0 ** np.floor(np.log10(max(value, 1e-9) / 4))
    return float(next(size * one for one in (1, 2, 2.5, 5, 10) if size * one >= value / 5))


def _marks(highest: float) -> list[float]:
    step = _step(highest)
    return [round(float(one), 10) for one in np.arange(0, highest + step / 2, step)]
