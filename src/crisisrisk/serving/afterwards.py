"""Answers about a moment of the past by a model that had learned from what came after it: they prove nothing."""

from crisisrisk.database.scores import RunMeta
from crisisrisk.models.bundle import Manifest

NUMBERS_AFTERWARDS = (
    "Some numbers of earlier weeks were worked out afterwards, from what was known at each moment. The model had also "
    "learned from what came later: they do not show how good it is."
)
FORECAST_AFTERWARDS = (
    "This forecast was worked out afterwards, from what was known when it says that it was made. The model had also "
    "learned from what came later: it does not show how good forecasts are."
)

ONE_AFTERWARDS = (
    "The forecast {reference} was worked out afterwards, from what was known when it says that it was made. The model "
    "had also learned from what came later: it does not show how good forecasts are."
)
BOTH_AFTERWARDS = (
    "Both forecasts were worked out afterwards, from what was known when they say that they were made. The model had "
    "also learned from what came later: they do not show how good forecasts are."
)


def made_afterwards(answering: Manifest | None, meta: RunMeta) -> bool:
    """Whether the model that answers made a run, as of a moment before the end of what it learned from.

    Of a run by another version, or where no bundle verifies (None), nobody can say here: False.
    """
    if answering is None or (answering.name, answering.version) != (meta.model_name, meta.model_version):
        return False
    return answering.learned_after(meta.as_of)
