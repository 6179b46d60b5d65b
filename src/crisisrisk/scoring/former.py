"""The higher of two answers: for a while after a change of model, the model before it may still speak."""

from crisisrisk.models.task import Task

QUESTION = ("subject", "outcome", "crisis", "cohort", "horizon_days", "gap_days")

FORMER = (
    "For a while after a change of model everyone has the higher of its number and its predecessor's. Such numbers are "
    "too high on average while two are compared, so none has a range. A number of another version than the model that "
    "answers is its predecessor's, with the reasons of that one."
)


def same_question(one: Task, other: Task) -> bool:
    """Whether two models answer the same: only then can the higher of their numbers be taken."""
    return all(getattr(one, name) == getattr(other, name) for name in QUESTION)
