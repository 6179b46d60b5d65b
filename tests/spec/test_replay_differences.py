"""How much more of the contacts one plan reaches than another: small tables, nights in, difference out."""

import numpy as np
import pytest

from crisisrisk.positioning.replay import Played, difference

IN, LATE = 10.0, 20.0


def played(*nights: list[float]) -> Played:
    """Nights as the minutes to each contact."""
    number = np.repeat(np.arange(len(nights)), [len(one) for one in nights])
    travelled = np.array([minutes for one in nights for minutes in one])
    return Played(night=number, waited=np.zeros(len(number)), travelled=travelled, moves=0, nights=len(nights))


@pytest.mark.parametrize(
    ("one", "other", "mean"),
    [
        (([IN, IN],), ([IN, LATE],), 0.5),
        (([IN], [LATE]), ([LATE], [IN]), 0.0),
        (([IN, IN, IN], [LATE]), ([LATE, LATE, LATE], [LATE]), 0.75),  # of contacts, not of nights
        (([], [IN]), ([], [LATE]), 1.0),
    ],
)
def test_the_difference_is_a_share_of_all_contacts(one: tuple, other: tuple, mean: float) -> None:
    assert difference(played(*one), played(*other), minutes=15).mean == mean


def test_the_same_plan_differs_by_nothing() -> None:
    same = played([IN, LATE], [LATE])
    found = difference(same, same, minutes=15)
    assert (found.mean, found.lower, found.upper) == (0.0, 0.0, 0.0)


def test_nights_that_are_drawn_together_widen_the_interval() -> None:
    """Eight good nights and eight bad ones, in weeks that are all good or all bad."""
    one = played(*([[IN]] * 8 + [[LATE]] * 8))
    other = played(*([[LATE]] * 8 + [[IN]] * 8))
    alone = difference(one, other, minutes=15)
    weekly = difference(one, other, minutes=15, block=np.repeat(np.arange(4), 4))
    assert alone.mean == weekly.mean == 0.0
    assert weekly.upper - weekly.lower > alone.upper - alone.lower > 0


def test_without_a_contact_there_is_no_difference_to_tell() -> None:
    assert np.isnan(difference(played([]), played([]), minutes=15).mean)
