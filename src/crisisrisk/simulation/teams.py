"""The community teams of the invented city: four, or more where many people are known to services."""

PEOPLE_PER_TEAM = 5_000
QUARTERS = ("north", "east", "south", "west")


def teams_per_quarter(people: int) -> int:
    """How many teams share a quarter of the city."""
    return max(1, round(people / PEOPLE_PER_TEAM / len(QUARTERS)))


def team_ids(people: int) -> tuple[str, ...]:
    """The id of every team; those of quarter `q` are the places q * teams_per_quarter onwards."""
    count = teams_per_quarter(people)
    if count == 1:
        return QUARTERS
    return tuple(f"{quarter}-{number}" for quarter in QUARTERS for number in range(1, count + 1))


def team_name(team: str) -> str:
    """What people call a team."""
    quarter, _, number = team.partition("-")
    return f"{quarter.capitalize()} community team {number}".strip()
