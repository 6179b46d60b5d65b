"""Whatever colours tell apart is told apart by who sees fewer of them, and by a printer that has none."""

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np
import pytest
from tests.lib.colour_vision import VISIONS, Colour, colour, contrast, distance, luminance, over
from tests.lib.style_sheet import PAGES_CSS, declared

from crisisrisk.serving.sheet_map import MAP_STYLE

CSS = PAGES_CSS.read_text(encoding="utf-8")
WHITE = colour("#fff")
FARTHEST_ALIKE = 20.0
"""Areas side by side are this far apart at least: nine times what is just seen, so that a poor print still shows it."""
LINE = 3.0
"""Contrast of a line with its ground (WCAG 2.2, 1.4.11)."""
TEXT = 4.5
"""Contrast of words with their ground (WCAG 2.2, 1.4.3)."""
LEVELS = ("most", "some", "few")


def of(selector: str, what: str, *, media: str = "", css: str = CSS) -> Colour:
    return colour(declared(css, selector, what, media=media))


def fills(media: str = "", css: str = CSS) -> Mapping[str, Colour]:
    """The three fills of the map; on paper what paper does not change is as on a screen."""
    found = {}
    for level in LEVELS:
        try:
            found[level] = of(f".cr-{level}", "fill", media=media, css=css)
        except KeyError:
            found[level] = of(f".cr-{level}", "fill", css=css)
    return found


def too_near(areas: Mapping[str, Colour]) -> list[str]:
    """Which areas somebody takes for each other."""
    return [
        f"{one} and {other} to {vision}"
        for vision, seen in VISIONS.items()
        for one, other in combinations(areas, 2)
        if distance(seen(areas[one]), seen(areas[other])) < FARTHEST_ALIKE
    ]


def too_pale(lines: Mapping[str, Colour], ground: Colour, least: float = LINE) -> list[str]:
    """Which lines or words somebody loses on their ground."""
    return [
        f"{name} to {vision}"
        for vision, seen in VISIONS.items()
        for name, line in lines.items()
        if contrast(seen(line), seen(ground)) < least
    ]


@pytest.mark.parametrize("media", ["", "print"], ids=["screen", "paper"])
def test_the_fills_of_the_map_are_told_apart_and_get_darker_with_what_they_hold(media: str) -> None:
    found = fills(media)
    assert too_near(found) == []
    for vision, seen in VISIONS.items():
        shades = [luminance(seen(found[level])) for level in LEVELS]
        assert shades == sorted(shades), f"to {vision}: darker is more"


@pytest.mark.parametrize("media", ["", "print"], ids=["screen", "paper"])
def test_the_outline_of_a_cell_is_seen_wherever_its_fill_is_not_as_dark(media: str) -> None:
    stroke = {"outline": of(".cr-cells path", "stroke")}
    assert too_pale(stroke, fills(media)["some"]) == []
    assert too_pale(stroke, fills(media)["few"]) == []


@pytest.mark.parametrize("media", ["", "print"], ids=["screen", "paper"])
@pytest.mark.parametrize("level", LEVELS)
def test_a_rank_is_read_on_its_fill(media: str, level: str) -> None:
    assert too_pale({"rank": of(f".cr-on-{level}", "fill")}, fills(media)[level], TEXT) == []


def test_the_squares_of_a_hundred_are_told_apart_by_shade_and_by_a_dot() -> None:
    sure, rest = of(".cr-hundred .cr-sure", "fill"), of(".cr-hundred rect", "fill")
    assert too_near({"sure": sure, "rest": rest}) == []
    assert too_pale({"sure": sure, "dot": of(".cr-dot", "fill"), "edge": of(".cr-hundred rect", "stroke")}, rest) == []


def test_the_lines_and_marks_of_a_timeline_are_seen_on_paper_and_on_the_range() -> None:
    through = float(declared(CSS, ".cr-band", "fill-opacity"))
    band = over(of(".cr-band", "fill"), through, WHITE)
    lines = {
        "line": of(".cr-line-of", "stroke"), "points": of(".cr-point", "fill"), "contacts": of(".cr-mark", "stroke"),
        "not complete": of(".cr-hatch", "stroke"), "late": of(".cr-late", "fill"), "model": of(".cr-model", "stroke"),
        "end of the range": of(".cr-band", "stroke"), "axis": of(".cr-axis", "fill"),
    }  # fmt: skip
    assert too_pale(lines, WHITE) == []
    assert too_pale({name: lines[name] for name in ("line", "points", "model", "end of the range")}, band) == []


def test_lines_that_shade_does_not_tell_apart_differ_in_kind() -> None:
    """A change of model is dashed, what is not complete is hatched; contacts have lanes of their own."""
    assert declared(CSS, ".cr-model", "stroke-dasharray")
    assert declared(CSS, ".cr-band", "stroke-width") != declared(CSS, ".cr-line-of", "stroke-width")


def test_lines_of_weeks_and_bars_of_hours_are_seen() -> None:
    lines = {
        "weeks": of(".cr-spark path", "stroke"), "now": of(".cr-spark circle", "fill"), "hours": of(".cr-bar", "fill"),
    }  # fmt: skip
    assert too_pale(lines, WHITE) == []


def test_what_was_pressed_is_told_from_what_was_not() -> None:
    pressed = '.cr-button[aria-pressed="true"]:not(:focus)'
    filled, plain = of(pressed, "background"), of(".cr-button", "background")
    assert too_near({"pressed": filled, "not pressed": plain}) == []
    assert too_pale({"pressed": of(pressed, "color")}, filled, TEXT) == []
    assert too_pale({"not pressed": of(".cr-button", "color")}, plain, TEXT) == []


def test_a_place_that_the_briefing_lists_is_told_by_its_outline() -> None:
    rest, listed = (of(one, "stroke", css=MAP_STYLE) for one in (".map path", ".map .listed"))
    assert too_pale({"rest": rest, "listed": listed}, WHITE) == []
    assert float(declared(MAP_STYLE, ".map .listed", "stroke-width")) > 3 * float(
        declared(MAP_STYLE, ".map path", "stroke-width")
    )


TAMPERED: Mapping[str, tuple[str, str]] = {
    "red and green of one lightness": ("#c0392b", "#6b7a1f"),
    "blue and green": ("#1f77b4", "#14806f"),
    "two greys": ("#ccc", "#ddd"),
    "orange and yellow green": ("#e69f00", "#b8b000"),
}


@pytest.mark.parametrize(("one", "other"), TAMPERED.values(), ids=TAMPERED)
def test_fills_that_somebody_takes_for_each_other_are_found(one: str, other: str) -> None:
    css = CSS.replace(".cr-most { fill: #12436d; }", f".cr-most {{ fill: {one}; }}")
    found = too_near(fills(css=css.replace(".cr-some { fill: #6bace6; }", f".cr-some {{ fill: {other}; }}")))
    assert any("most and some" in pair for pair in found)


def test_a_pale_line_is_found() -> None:
    assert too_pale({"line": colour("#6bace6")}, WHITE)


@pytest.mark.parametrize("vision", VISIONS)
def test_greys_are_seen_as_they_are_by_everybody(vision: str) -> None:
    for text in ("#000", "#555", "#ccc", "#fff"):
        assert np.allclose(VISIONS[vision](colour(text)), colour(text), atol=2e-3)


@pytest.mark.parametrize(
    ("one", "other", "lab"),
    # CIELAB of the corners of sRGB (Lindbloom, "CIE Color Calculator", D65): white 100, 0, 0; red 53.24, 80.09, 67.20;
    # green 87.73, -86.18, 83.18; blue 32.30, 79.19, -107.86. White to red is root(46.76² + 80.09² + 67.2²).
    [("#fff", "#000", 100.0), ("#fff", "#f00", 114.53), ("#f00", "#0f0", 170.58), ("#0f0", "#00f", 258.69)],
)
def test_a_distance_is_that_of_cielab(one: str, other: str, lab: float) -> None:
    assert distance(colour(one), colour(other)) == pytest.approx(lab, abs=0.3)


def test_who_lacks_a_cone_takes_for_alike_what_they_are_known_to() -> None:
    """Colours on one line of confusion stay apart for everybody else."""

    def apart(vision: str, one: str, other: str) -> float:
        seen: Callable[[Colour], Colour] = VISIONS[vision]
        return distance(seen(colour(one)), seen(colour(other)))

    assert apart("deuteranopia", "#c0392b", "#6b7a1f") < 5 < apart("most", "#c0392b", "#6b7a1f")
    assert apart("tritanopia", "#c0392b", "#6b7a1f") > 50
    assert apart("tritanopia", "#1f77b4", "#14806f") < 20 < apart("deuteranopia", "#1f77b4", "#14806f")


@pytest.mark.parametrize("text", ["red", "#12", "#12345g", "rgb(1, 2, 3)", ""])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no colour such as #12436d"):
        colour(text)


def test_a_rule_that_is_not_there_is_named() -> None:
    with pytest.raises(KeyError, match=r"no rule says fill of \.cr-none print"):
        declared(CSS, ".cr-none", "fill", media="print")
    assert declared("a { color: red } @media print { a { color: #000 } }", "a", "color") == "red"
    assert declared("a { color: red } @media print { a { color: #000 } }", "a", "color", media="print") == "#000"
