"""What is drawn of numbers, as coordinates; that it can be seen a real browser shows."""

import pytest

from crisisrisk.serving.pages.drawing import SIDE, hundred_of, line_of, spark_of, top_of, weeks_said


def test_a_gap_lifts_the_pen_and_a_point_alone_is_a_dot() -> None:
    points = [(0.0, 5.0), (1.0, 6.0), None, (3.0, 7.0), None, None, (6.0, 8.0), (7.0, 9.0)]
    assert line_of(points) == "M0 5L1 6M3 7h0M6 8L7 9"
    assert line_of([None, None]) == ""


def test_lines_of_one_page_have_one_scale_and_small_numbers_stay_near_the_ground() -> None:
    rows = [[1.0, 2.0], [None, 40.0]]
    assert top_of(rows) == 40.0
    lower, upper = (spark_of(weeks, top=top_of(rows)) for weeks in rows)
    assert lower.y > upper.y
    assert spark_of([1.0, 2.0], top=2.0).y > 20, "two in 100 alone on a page is not drawn as a peak"
    assert top_of([[None]]) > 0


def test_a_line_is_said_in_words_too() -> None:
    assert weeks_said([None, 7, None, 3, 18]) == "3 of 5 weeks: first 7, lowest 3, highest 18, now 18 in 100"
    assert weeks_said([None, 18]) == "no earlier week to compare with"


@pytest.mark.parametrize(
    ("likely", "upper", "sure", "perhaps"),
    [(18, 24.3, 18, 7), (18, None, 18, 0), (0.4, 1.2, 1, 1), (100, 100.0, 100, 0)],
)
def test_a_hundred_squares_are_filled_by_the_number_and_dotted_to_the_range(
    likely: float, upper: float | None, sure: int, perhaps: int
) -> None:
    found = [one.kind for one in hundred_of(likely, upper).squares]
    assert (len(found), found.count("sure"), found.count("perhaps")) == (100, sure, perhaps)
    assert found == sorted(found, key=["sure", "perhaps", "rest"].index)


def test_a_number_below_one_fills_a_part_of_a_square() -> None:
    drawn = hundred_of(0.4, None)
    assert drawn.squares[0].part == round(0.4 * SIDE, 1)
    assert drawn.says == "0.4 of 100 squares are filled"
