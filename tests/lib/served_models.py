"""Models of trees that a test's service answers from, and what each says of a person, again from its bundle."""

from dataclasses import replace

import numpy as np

from crisisrisk.models.bundle import Bundle, load_bundle
from crisisrisk.models.champions import bundle_folder
from tests.lib.answering_models import let_answer
from tests.lib.database import AS_OF, score_row
from tests.lib.service_site import ServiceSite
from tests.lib.tiny_models import NAMES, bundle, person_trees

NAME = "person_crisis_28d"
ANN = np.array([[2.0, 1.0, 41.0]])
"""Somebody's features. Shape (1, 3)."""


def served_model(version: int) -> Bundle:
    """A model of people of a version. Each has another number of trees, and says something else."""
    made = bundle("person", person_trees(10 + version))
    manifest = replace(made.manifest, name=NAME, version=version)
    return replace(made, manifest=manifest, task=replace(made.task, name=NAME))


def said_by(model: Bundle) -> float:
    """What a model says of the person, from its own trees and calibration."""
    return float(model.risk_model.probability(ANN, NAMES)[0])


def said_by_version(site: ServiceSite, version: int) -> float:
    """The same from the bundle of a version as it lies in the models folder."""
    return said_by(load_bundle(bundle_folder(site.site.models, NAME, version)))


def promoted_and_scored(site: ServiceSite, *versions: int) -> None:
    """Promote versions one after another, and keep what each says of the person as its scores."""
    for version in versions:
        model = served_model(version)
        let_answer(site.site, model, at=AS_OF.isoformat())
        site.score(score_row("ann", said_by(model)), model_version=version)
