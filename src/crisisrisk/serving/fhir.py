"""A score as FHIR R4: RiskAssessment, the Bundle of a search, CapabilityStatement, and errors as OperationOutcome.

`probabilityDecimal` is a percentage there (at most 100), where our own answers have a probability from 0 to 1.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from starlette.types import Message, Send

from crisisrisk.serving.answers import PersonRisk
from crisisrisk.serving.problems import PROBLEM

FHIR, BASE = "application/fhir+json", "/fhir/R4"
URN = "urn:crisisrisk"
ABOUT = "Estimated chance of a contact with a crisis service in the next {days} days, from service records."
_DECIMALS = 6
_KINDS = {
    400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported", 408: "timeout",
    409: "conflict", 410: "processing", 413: "too-long", 422: "business-rule", 429: "throttled", 500: "exception",
    503: "transient",
}  # fmt: skip


def assessment_id(reference: str, person_id: str) -> str:
    """The id of a person's score of one scoring: FHIR's ids have no underscore."""
    return f"{reference}.{person_id.replace('_', '-', 1)}"


def percentage(probability: float) -> float:
    """A probability as FHIR has it."""
    return round(100 * probability, _DECIMALS)


def risk_assessment(risk: PersonRisk) -> dict[str, Any]:
    """One score. What must be said with it is in its notes; its range and validity in extensions."""
    days = int(risk.horizon_days)
    when = {"start": _moment(risk.as_of), "end": _moment(risk.as_of + timedelta(days=days))}
    why = "; ".join(f"{reason.direction.replace('_', ' ')}: {reason.text}" for reason in risk.reasons)
    prediction: dict[str, Any] = {
        "outcome": {"text": risk.outcome}, "probabilityDecimal": percentage(risk.probability), "whenPeriod": when,
        **({"rationale": why} if why else {}), **_range(risk),
    }  # fmt: skip
    model = risk.model
    return {
        "resourceType": "RiskAssessment",
        "id": assessment_id(risk.reference, risk.person_id),
        "extension": [{"url": f"{URN}:valid-until", "valueDateTime": _moment(risk.valid_until)}],
        "identifier": [{"system": f"{URN}:reference", "value": risk.reference}],
        "status": "final",
        "method": {
            "coding": [{"system": f"{URN}:model", "version": str(risk.model_version), "code": model.name}],
            "text": f"{model.name} v{risk.model_version}, run {model.run_id}, recipe {model.recipe_fingerprint}",
        },
        "code": {"text": ABOUT.format(days=days)},
        "subject": {"type": "Patient", "identifier": {"system": f"{URN}:pseudonym", "value": risk.person_id}},
        "occurrenceDateTime": _moment(risk.as_of),
        "prediction": [prediction],
        "note": [{"text": caveat} for caveat in risk.caveats],
    }


def _range(risk: PersonRisk) -> dict[str, Any]:
    if risk.lower is None or risk.upper is None:
        return {}
    ends = {"low": risk.lower, "high": risk.upper}
    return {
        "extension": [{
            "url": f"{URN}:range",
            "valueRange": {name: {"value": percentage(end), "unit": "%"} for name, end in ends.items()},
        }]
    }  # fmt: skip


def search_set(found: dict[str, Any] | None, outcome: dict[str, Any] | None, *, url: str) -> dict[str, Any]:
    """What a search found: the one assessment, or why there is none. An empty one says nothing about anybody."""
    entries = []
    if found is not None:
        entries.append({"fullUrl": f"{BASE}/RiskAssessment/{found['id']}", "resource": found,
                        "search": {"mode": "match"}})  # fmt: skip
    if outcome is not None:
        entries.append({"resource": outcome, "search": {"mode": "outcome"}})
    return {
        "resourceType": "Bundle", "type": "searchset", "total": 0 if found is None else 1,
        "link": [{"relation": "self", "url": url}], "entry": entries,
    }  # fmt: skip


def capability_statement(version: str, released: datetime) -> dict[str, Any]:
    """What is offered here: to read one RiskAssessment, and to search for that of one person."""
    return {
        "resourceType": "CapabilityStatement", "status": "active", "date": _moment(released), "kind": "instance",
        "software": {"name": "crisisrisk", "version": version}, "implementation": {"description": "crisisrisk"},
        "fhirVersion": "4.0.1", "format": [FHIR],
        "rest": [{
            "mode": "server",
            "security": {"description": "A key of a care team, as Authorization: Bearer KEY. Every look is kept."},
            "resource": [{
                "type": "RiskAssessment", "interaction": [{"code": "read"}, {"code": "search-type"}],
                "searchParam": [{
                    "name": "subject", "type": "reference",
                    "documentation": "The person's pseudonym. Needed: there is no list of everybody.",
                }],
            }],
        }],
    }  # fmt: skip


def outcome_of(problem: dict[str, Any], *, severity: str = "error") -> dict[str, Any]:
    """A problem as an OperationOutcome, with our code and, of a person without a score, the state."""
    coding = [{"system": f"{URN}:code", "code": problem["code"]}]
    if problem.get("state"):
        coding.append({"system": f"{URN}:state", "code": problem["state"]})
    where = [one["where"] for one in problem.get("problems") or [] if one.get("where")]
    return {
        "resourceType": "OperationOutcome",
        "issue": [{
            "severity": severity, "code": _KINDS.get(problem["status"], "processing"),
            "details": {"coding": coding, "text": problem["title"]}, "diagnostics": problem["detail"],
            **({"expression": where} if where else {}),
        }],
    }  # fmt: skip


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


# Errors under /fhir


def under_fhir(path: str) -> bool:
    """Whether an address is one of FHIR's."""
    return path == "/fhir" or path.startswith("/fhir/")


def with_outcomes(send: Send) -> Callable[[Message], Awaitable[None]]:
    """Sends problems on as OperationOutcomes, and everything else as it is."""
    held: list[Message] = []

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start" and _is_problem(message):
            held.append(message)
        elif held and not message.get("more_body", False):
            for one in as_outcome([held.pop(), message]):
                await send(one)
        else:
            await send(message)

    return send_on


def as_outcome(messages: list[Message]) -> list[Message]:
    """A whole answer: a problem as an OperationOutcome, anything else as it is."""
    start, body = messages[0], b"".join(message.get("body", b"") for message in messages[1:])
    if not _is_problem(start):
        return messages
    content = json.dumps(outcome_of(json.loads(body)), ensure_ascii=False, separators=(",", ":")).encode()
    kept = [(name, value) for name, value in start["headers"] if name not in (b"content-type", b"content-length")]
    headers = [*kept, (b"content-type", FHIR.encode()), (b"content-length", str(len(content)).encode())]
    return [{**start, "headers": headers}, {"type": "http.response.body", "body": content}]


def _is_problem(start: Message) -> bool:
    return any(name == b"content-type" and value.startswith(PROBLEM.encode()) for name, value in start["headers"])
