"""The plots of a trust sheet, from its content alone: readable in black and white, described for a screen reader."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crisisrisk.disclosure import shown_count
from crisisrisk.evaluation.svg import DARK, GREY, Frame, Numbers, figure, text

WIDTH, HEIGHT = 560, 300
STEP_HEIGHT, SIDE = 48, 300


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
        top = 8 + place * STEP_HEIGHT
        if place:
            parts.append(f'<path d="M120 {top - 16}V{top}M120 {top + 15}H{SIDE - 6}" fill="none" stroke="{GREY}"/>')
            parts.append(f'<path d="M{SIDE - 12} {top + 11}L{SIDE - 5} {top + 15}L{SIDE - 12} {top + 19}" fill="none" '
                         f'stroke="{GREY}"/>')  # fmt: skip
            parts.append(text(SIDE, top + 11, step["meaning"]))
            parts.append(text(SIDE, top + 26, f"− {shown_count(step['people'])} people, "
                                              f"{shown_count(step['rows'])} rows", colour=GREY))  # fmt: skip
        parts.append(f'<rect x="8" y="{top}" width="224" height="30" fill="#ffffff" stroke="{DARK}"/>')
        left = f"{shown_count(step['people_left'])} people, {shown_count(step['rows_left'])} rows"
        parts.append(text(120, top + 19, left, anchor="middle"))
    parts.insert(0, f'<path d="M120 20V{8 + (len(steps) - 1) * STEP_HEIGHT}" stroke="{GREY}"/>')
    described = (
        f"From {shown_count(steps[0]['people_left'])} people to {shown_count(last['people_left'])}: "
        + "; ".join(f"{step['meaning']} took off {shown_count(step['people'])} people" for step in steps[1:])
    )  # fmt: skip
    height = 8 + len(steps) * STEP_HEIGHT
    return figure("flow", "Who was judged", described, parts, width=WIDTH, height=height)


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
    frame = Frame(across=(0.0, highest), up=(0.0, highest), width=WIDTH, height=400, left=44, top=28)
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
    return figure("calibration", "What happened against what was said", described, parts, width=WIDTH, height=400)


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
        labels=("threshold: acting from so many in 100", "net benefit, crises in 1,000 people"),
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
        lines.append(("9 3 2 3", "five factors"))
    parts.append(frame.line(at, np.maximum(columns["model"], floor)))
    parts += _key(frame, lines, left=frame.width - 250)
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
    highest = _round_up(max(*known, 1.0))
    frame = Frame(across=(0.0, len(weeks) - 1.0), up=(0.0, highest), width=WIDTH, height=HEIGHT, left=44, top=28)
    every = max(1, len(weeks) // 6)
    parts = frame.axes(
        labels=("date of the list", f"of 100 on the lists ({content['list_length']} a team), with a crisis contact"),
        marks=range(0, len(weeks), every), up_marks=_marks(frame.up[1]), up_shown="{:g}".format,
        shown=lambda place: day_of(weeks[int(place)]["as_of"], zone),
    )  # fmt: skip
    for name, dashes, filled in (("rule", "5 4", False), ("model", "", True)):
        places = [place for place, value in enumerate(rows[name]) if value is not None]
        values = [100 * float(rows[name][place] or 0.0) for place in places]
        parts.append(frame.line(places, values, dashes=dashes, colour=DARK if filled else GREY))
        parts.append(frame.dots(places, values, filled=filled, colour=DARK if filled else GREY))
    parts += _key(frame, [("", "the model"), ("5 4", best.replace("_", " "))], bottom=True)
    told = [f"{100 * value:.0f}" for value in rows["model"] if value is not None]
    described = f"Of 100 names on the lists, with a crisis contact, list after list: {', '.join(told)}."
    return figure("weekly", "Precision of each list", described, parts, width=WIDTH, height=HEIGHT)


def feature_plot(features: Sequence[Mapping[str, Any]]) -> str:
    """Each feature's mean movement of the log-odds: a ring where its value is small, a dot where it is large."""
    if not features:
        return ""
    ends = [value for one in features for value in (one["when_small"], one["when_large"]) if value is not None]
    reach = max(0.05, *(abs(value) for value in ends)) * 1.15
    height = 44 + 30 * len(features)
    frame = Frame(across=(-reach, reach), up=(0.0, 1.0), width=WIDTH, height=height, left=300, top=10, bottom=34)
    floor = height - frame.bottom
    parts = [f'<path d="M{frame.x(0):.1f} {frame.top}V{floor}" stroke="{GREY}" stroke-dasharray="2 3"/>']
    for place, one in enumerate(features):
        y = 1 - (place + 0.5) / len(features)
        words = _two_lines(one["name"])
        for line, word in enumerate(words):
            parts.append(text(292, frame.y(y) + 4 + 12 * line - 6 * (len(words) - 1), word, anchor="end"))
        known = [value for value in (one["when_small"], one["when_large"]) if value is not None]
        parts.append(frame.line(known, [y] * len(known), colour=GREY, width=1))
        for name, filled in (("when_small", False), ("when_large", True)):
            if one[name] is not None:
                parts.append(frame.dots([one[name]], [y], filled=filled))
    for mark in (-reach / 1.15, 0.0, reach / 1.15):
        parts.append(text(frame.x(mark), floor + 14, f"{mark:+.2f}" if mark else "0", anchor="middle"))
    parts.append(text(frame.x(0), height - 4, "lowers the log-odds · raises them", anchor="middle"))
    described = "; ".join(
        f"{one['name']}: {_signed(one['when_small'])} where small, {_signed(one['when_large'])} where large"
        for one in features
    )
    return figure("features", "What moves the number", described, parts, width=WIDTH, height=height)


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


def _two_lines(name: str, *, most: int = 36) -> list[str]:
    words = name.replace("_", " ")
    if len(words) <= most:
        return [words]
    cut = words.rfind(" ", 0, most)
    rest = words[cut + 1 :]
    return [words[:cut], rest if len(rest) <= most else rest[: most - 1] + "…"]


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
