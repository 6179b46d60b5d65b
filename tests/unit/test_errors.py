"""The one family of errors: what it shows, and that every code has a meaning and a home."""

import re
from pathlib import Path

import pytest

from crisisrisk.errors import KINDS, DataError, did_you_mean

SOURCES = Path(__file__).parents[2] / "src" / "crisisrisk"


def test_an_error_says_where_what_came_what_was_wanted_and_what_to_do() -> None:
    error = DataError("CR-USE-001", "a problem", where="a file", wanted="this", found="that", hint="do this")
    assert error.rendered() == (
        "error[CR-USE-001]: a problem\n"
        "  where   a file\n"
        "  wanted  this\n"
        "  found   that\n"
        "  hint    do this · see docs/reference/errors.md#cr-use-001"
    )
    assert error.as_problem()["detail"] == "a problem"
    assert "found" not in DataError("CR-USE-001", "a problem").as_problem()


def test_an_unknown_code_is_a_defect() -> None:
    with pytest.raises(KeyError):
        DataError("CR-NONE-001", "a problem")


@pytest.mark.parametrize("code", KINDS)
def test_every_code_has_a_meaning_and_an_exit_code_and_a_status(code: str) -> None:
    kind = KINDS[code]
    assert re.fullmatch(r"CR-[A-Z]+-\d{3}", code)
    assert kind.meaning.endswith(".")
    assert kind.exit_code in (1, 2, 3, 4, 5)
    assert 400 <= kind.http_status < 600


def test_every_code_is_raised_somewhere() -> None:
    text = "\n".join(path.read_text() for path in SOURCES.rglob("*.py") if path.name != "errors.py")
    assert [code for code in KINDS if f'"{code}"' not in text] == []


def test_did_you_mean_names_the_nearest_or_all() -> None:
    assert did_you_mean("lookbak", ["lookback", "horizon"]) == 'did you mean "lookback"?'
    assert did_you_mean("xyz", ["lookback", "horizon"]) == "known: horizon, lookback"
    assert did_you_mean("xyz", [f"cell {one:04d}" for one in range(2000)]).endswith("cell 0059 and 1,940 more")
