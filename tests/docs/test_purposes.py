"""The table of purposes says who reaches each, as the code has it."""

import re
from pathlib import Path

import pytest

from crisisrisk.purposes import PURPOSES

ROW = re.compile(r"\| ((?:`\w+`(?:, )?)+) \| [^|]+ \| ([^|]+) \|")
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "audit.md"
TABLE = PAGE.read_text(encoding="utf-8").partition("## Purposes")[2]
REACHED = {name: set(re.findall(r"`(\w+)`", by)) for names, by in ROW.findall(TABLE) for name in names.split("`")[1::2]}


def test_every_purpose_is_in_the_table() -> None:
    assert set(REACHED) == set(PURPOSES)


@pytest.mark.parametrize("name", sorted(set(PURPOSES) - {"status"}))  # which every role reaches something of
def test_the_table_says_what_reaches_a_purpose(name: str) -> None:
    assert REACHED[name] == PURPOSES[name].reaches
