"""The OpenAPI document is fresh, its examples are true, and the page about it names every route."""

import json
from pathlib import Path

import pytest

from crisisrisk.commands.serve import openapi_document
from crisisrisk.serving import (
    answers,
    caller_answers,
    care_answers,
    care_examples,
    caseload_answers,
    examples,
    oversight_answers,
    plan_answers,
    risk_answers,
    risk_examples,
    usefulness_answers,
)
from crisisrisk.serving.answers import Answer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def document() -> dict[str, object]:
    read: dict[str, object] = json.loads(openapi_document())
    return read


def test_the_committed_document_is_fresh() -> None:
    committed = (ROOT / "serving" / "openapi.json").read_text(encoding="utf-8")
    assert committed == openapi_document(), "write it again with: make docs"


@pytest.mark.parametrize(
    ("example", "model"),
    [
        (examples.PERSON, answers.PersonRisk),
        (examples.SCORED_NOW, answers.ScoredNow),
        (risk_examples.HISTORY, risk_answers.RiskHistory),
        (risk_examples.REASONS, risk_answers.RiskReasons),
        (risk_examples.CHANGES, risk_answers.RiskChanges),
        (examples.CASELOAD, caseload_answers.Caseload),
        (examples.SHIFTS, answers.Shifts),
        (examples.HOTSPOTS, answers.Hotspots),
        (examples.POSITIONS, plan_answers.Positions),
        (examples.ADJUSTMENT, plan_answers.Adjustment),
        (examples.BRIEFING, plan_answers.Briefing),
        (examples.REVIEW, plan_answers.Review),
        (examples.SITE, plan_answers.SiteShown),
        (examples.SITES, plan_answers.SitesShown),
        (examples.VERSION, answers.Version),
        (examples.DATA_STATUS, answers.DataStatus),
        (examples.AUDIT_PAGE, answers.AuditPage),
        (examples.ACCESS_LOG, answers.AccessLog),
        (examples.CONCERN_RAISED, answers.ConcernRaised),
        (examples.CONCERN, answers.SafetyConcern),
        (examples.CONCERNS, answers.Concerns),
        (examples.MODELS, answers.Models),
        (examples.CURRENT_MODEL, answers.CurrentModel),
        (examples.RELOADED, answers.AnsweringModel),
        (care_examples.CAPACITY, care_answers.Capacity),
        (care_examples.SEEN, care_answers.Seen),
        (caller_answers.FOUND, caller_answers.PersonFound),
        (caller_answers.CARE, caller_answers.CallerCare),
        (oversight_answers.OPENED, oversight_answers.EmergencyOpened),
        (oversight_answers.ALERT, oversight_answers.PrivacyAlert),
        (oversight_answers.OF_DAY, oversight_answers.PrivacyAlert),
        (oversight_answers.ALERTS, oversight_answers.PrivacyAlerts),
        (care_examples.PERSON_FEEDBACK, care_answers.PersonFeedback),
        (care_examples.TEAM_FEEDBACK, care_answers.TeamFeedback),
        (care_examples.PERSON_REVIEWS, care_answers.PersonReviews),
        (care_examples.PERSON_SNOOZES, care_answers.PersonSnoozes),
        (care_examples.CONTACTS, care_answers.PersonContacts),
        (care_examples.PERSON_QUERIES, care_answers.PersonQueries),
        (care_examples.QUEUED_ALL, care_answers.QueuedQueries),
        (care_examples.SHIFT_FEEDBACK_LIST, care_answers.ShiftFeedbackList),
        (usefulness_answers.USEFULNESS, usefulness_answers.Usefulness),
    ],
)
def test_examples_are_answers(example: dict[str, object], model: type[Answer]) -> None:
    read = model.model_validate(example)
    assert read.model_dump(mode="json", by_alias=True) == example


def test_every_route_is_summed_up_and_answers_problems(
    document: dict[str, dict[str, dict[str, dict[str, object]]]],
) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            responses = operation["responses"]
            assert isinstance(responses, dict)
            assert {"405", "413", "500"} <= set(responses), path
            if not path.startswith("/api"):
                continue
            assert {"401", "403", "503"} <= set(responses), path
            assert {"200", "201"} & set(responses), path
            assert all(
                "application/problem+json" in responses[code]["content"] for code in responses if code >= "400"
            ), path
            assert operation["security"], path


def test_an_address_without_parameters_is_never_missing_and_has_no_wrong_value(
    document: dict[str, dict[str, dict[str, dict[str, object]]]],
) -> None:
    for path in ("/api/v1/version", "/api/v1/data-status"):
        responses = document["paths"][path]["get"]["responses"]
        assert isinstance(responses, dict)
        assert not {"404", "422"} & set(responses), path


def test_the_page_about_the_api_names_every_route(document: dict[str, dict[str, object]]) -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    for path in document["paths"]:
        assert f"`{path}`" in page
