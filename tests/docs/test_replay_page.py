"""The page of replays says what the kept answers say."""

import json

from crisisrisk.commands.replay_page import CONTENT, PAGE, page
from crisisrisk.shipped import repository


def test_the_page_is_made_of_the_answers_beside_it() -> None:
    root = repository()
    assert root is not None
    runs = json.loads((root / CONTENT).read_text(encoding="utf-8"))
    assert (root / PAGE).read_text(encoding="utf-8") == page(runs)
