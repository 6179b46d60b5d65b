"""What is answered about how useful lists and forecasts were: counts by month, as they may be released."""

from typing import Any

from pydantic import Field

from crisisrisk.serving.answers import Answer

RELEASED = "To the nearest 5; `under 8` for 1 to 7."


class Verdicts(Answer):
    """What a team said of scores in one step, at once or a week later."""

    said: int | str = Field(description=RELEASED)
    agreed: int | str | None = Field(description="Null where fewer than three users spoke, as the two that follow.")
    disagreed: int | str | None
    acted: int | str | None = Field(description="Acted on the score.")
    useful_in_100: int | None = Field(
        description="Agreed or acted, of 100, from the counts as told, in steps of 5; null where one is not told."
    )


class TeamMonth(Answer):
    """One month that is over, by the site's clock on the wall."""

    month: str = Field(description="`2026-10`.")
    at_once: Verdicts
    week_later: Verdicts


class TeamUsefulness(Answer):
    """One team, its months in order. Months in which nothing was said are there too."""

    team: str
    name: str
    months: list[TeamMonth]


class ForecastMonth(Answer):
    """What crisis teams said of forecasts in a month that is over. Which team said it is not kept."""

    month: str
    said: int | str = Field(description=RELEASED)
    useful: int | str | None
    not_useful: int | str | None
    useful_in_100: int | None


class Usefulness(Answer):
    """How useful lists were to teams, and forecasts to crisis teams."""

    teams: list[TeamUsefulness] = Field(description="In order of their ids, which says nothing about them.")
    forecasts: list[ForecastMonth]
    caveats: list[str]


CAVEATS = [
    "What teams said of scores and forecasts is not whether these were right: the trust sheet of the model says that.",
    "Who spoke chose to. A team that says little may find its list useful or not.",
    "It is about lists, not about people or workers: nobody is told apart, and which team stands first says nothing.",
]

_NONE: dict[str, Any] = {"said": "under 8", "agreed": None, "disagreed": None, "acted": None, "useful_in_100": None}
USEFULNESS: dict[str, Any] = {
    "teams": [
        {
            "team": "north", "name": "North", "months": [
                {
                    "month": "2026-10", "week_later": _NONE,
                    "at_once": {"said": 45, "agreed": 25, "disagreed": 10, "acted": 10, "useful_in_100": 80},
                }
            ],
        }
    ],
    "forecasts": [{"month": "2026-10", "said": 30, "useful": 20, "not_useful": 10, "useful_in_100": 65}],
    "caveats": CAVEATS,
}  # fmt: skip
