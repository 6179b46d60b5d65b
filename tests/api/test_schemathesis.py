"""What the OpenAPI document says is true: whatever a route takes, or does not, its answer is one that is declared.

Made by schemathesis from the committed document, the same each time, and asked in process by three roles in turn.
"""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS as KNOWN
from schemathesis.generation import GenerationMode
from tests.lib.database import AS_OF
from tests.lib.operational import copied
from tests.lib.service_site import SERVICE, ServiceSite, opened

DOCUMENT = Path(__file__).resolve().parents[2] / "serving" / "openapi.json"
SCHEMA = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text(encoding="utf-8")))
OPERATIONS = {f"{one.ok().method.upper()} {one.ok().path}": one.ok() for one in SCHEMA.get_all_operations()}
ASKED = [
    *((name, GenerationMode.POSITIVE) for name in sorted(OPERATIONS)),
    # Where nothing is taken nothing can be wrong.
    *((name, GenerationMode.NEGATIVE) for name, one in sorted(OPERATIONS.items())
      if {"parameters", "requestBody"} & set(one.definition.raw)),
]  # fmt: skip
EXAMPLES = int(os.environ.get("CRISISRISK_EXAMPLES", "4"))
"""Of each operation and way of asking. `make tampering` asks more."""
ROLES = {"care": "north", "crisis_team": None, "audit": None}
CHECKS = KNOWN.get_by_names(
    [
        "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
        "response_schema_conformance",
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def site(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceSite]:
    made = opened(copied(pristine, tmp_path_factory.mktemp("asked") / "site"))
    made.declare("service.toml", SERVICE + "\n[limits]\nrequests_a_second = 100000\nburst = 100000\n")
    made.issue("night-2026-11-21", start=AS_OF - timedelta(hours=8), run={"as_of": AS_OF - timedelta(hours=9)})
    made.issue(run={})
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def clients(site: ServiceSite) -> Iterator[Mapping[str, TestClient]]:
    with site.client() as client:
        made = {
            role: TestClient(
                client.app, headers={"Authorization": f"Bearer {site.key(role, team)}"}, raise_server_exceptions=False
            )
            for role, team in ROLES.items()
        }
        yield made


@pytest.mark.parametrize(("name", "mode"), ASKED, ids=[f"{mode.value} {name}" for name, mode in ASKED])
def test_every_answer_is_declared(
    name: str, mode: GenerationMode, clients: Mapping[str, TestClient], site: ServiceSite
) -> None:
    known = {"pid": site.people["ann"], "team": "north", "number": 1, "task": "person_crisis_28d",
             "id": "base-north" if "/sites/" in name else "night-2026-11-22"}  # fmt: skip

    @given(case=OPERATIONS[name].as_strategy(generation_mode=mode), real=st.booleans())
    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case: Any, real: bool) -> None:
        if real and case.path_parameters:
            case.path_parameters = {key: known.get(key, value) for key, value in case.path_parameters.items()}
        for client in clients.values():
            asked = case.as_transport_kwargs(base_url="http://testserver")
            asked.pop("cookies", None)
            if isinstance(asked.get("data"), str | bytes):
                asked["content"] = asked.pop("data")
            asked["headers"] = {**(asked.get("headers") or {}), **client.headers}
            case.validate_response(client.request(**asked), checks=CHECKS)

    ask()
