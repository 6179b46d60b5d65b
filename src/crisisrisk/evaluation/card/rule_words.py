"""The simple rules that a report stands beside, as pages call them, and what each does."""

import re

from crisisrisk.models.place_rules.rules import PLACE_RULES

MODEL = "the model"
RULES = {
    "crisis_contacts_in_365_days": "crisis contacts in the last year",
    "days_since_last_crisis": "days since the last crisis",
    "five_factor_regression": "five facts weighed",
    "frequent_attender_rule": "rule for frequent attenders",
    "one_year_count": "crisis contacts in the last year",
    "days_since_last": "days since the last crisis",
    "all_history_mean": "mean of all history",
    "same_shift_mean_4_weeks": "same shift, last 4 weeks",
    "same_shift_mean_8_weeks": "same shift, last 8 weeks",
    "same_shift_mean_52_weeks": "same shift, last 52 weeks",
    "medic": "same weeks of earlier years",
    "seasonal_naive": "same shift a week ago",
    "trailing_365_days": "map of the last year",
    "trailing_365_days_times_shift_factor": "map of the last year × shift of the week",
    "shrunken_rate_times_shift_factor": "steadied map × shift of the week",
    "volume_times_share": "recent total × share of the place",
    "kernel_density": "smoothed map",
    "kernel_density_times_shift_factor": "smoothed map × shift of the week",
    "residents_and_deprivation": "residents and deprivation",
    "calendar_glm": "calendar regression",
    "self_exciting": "map, clock and recent echoes",
}
"""By its name in recipes and reports."""
_OF_PEOPLE = {
    "crisis_contacts_in_365_days": "most crisis contacts in the last 365 days first",
    "days_since_last_crisis": "the latest crisis contact first",
    "five_factor_regression": "logistic regression on crisis contacts in 365 and in 28 days, days since the last, "
    "episodes ever, and age",
    "frequent_attender_rule": "how near somebody comes to the site’s rule for frequent attenders",
}
_NAMED = re.compile(rf"(?<!--baseline )\b(?:{'|'.join(sorted(RULES, key=len, reverse=True))})\b")
"""Not where a command is quoted, which wants the name."""


def rule_words(name: str) -> str:
    """What a page calls the model or a rule; of a rule that is none of ours, its name."""
    return MODEL if name == "model" else RULES.get(name, name.replace("_", " "))


def rule_meaning(name: str) -> str:
    """What a rule does; empty for the model, and for a rule that is none of ours."""
    return PLACE_RULES[name].meaning if name in PLACE_RULES else _OF_PEOPLE.get(name, "")


def in_words(sentence: str) -> str:
    """A sentence with each rule called as pages call it."""
    return _NAMED.sub(lambda found: f"“{RULES[found[0]]}”", sentence)
