"""The service as a whole: readiness, errors, headers, logs, a real server."""

import gc
import json
import logging
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from tests.lib.answering_models import let_answer
from tests.lib.database import score_row
from tests.lib.harmed_database import break_database, lose_database
from tests.lib.real_server import free_port
from tests.lib.served_models import served_model
from tests.lib.service_site import SERVICE, ServiceSite

from crisisrisk.compiled import kept_folder
from crisisrisk.database.engine import open_engine, writing
from crisisrisk.errors import RecipeError, UsageError
from crisisrisk.serving import warm_up
from crisisrisk.serving.app import create_app
from crisisrisk.serving.bundles import VerifiedModel
from crisisrisk.serving.health import answers
from crisisrisk.serving.logs import JsonLines
from crisisrisk.serving.roles import MOST
from crisisrisk.serving.settings import read_settings, settings_from_environment
from crisisrisk.serving.state import Service

BOARD = "/api/v1/shifts/night-2026-11-22/hotspots"
PERSON_MODEL, PLACE_MODEL = "person_crisis_28d", "place_crisis_shift"
UNNAMED = SERVICE[: SERVICE.index("[models]")] + SERVICE[SERVICE.index("[person_scores]") :]


def change_a_byte(site: ServiceSite, name: str, file: str) -> None:
    path = site.site.models / name / "v4" / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def parts(site: ServiceSite) -> tuple[int, dict[str, str]]:
    answer = site.client().get("/readyz")
    return answer.status_code, {name: said for name, said in answer.json()["parts"].items() if said != "ready"}


def degraded(site: ServiceSite) -> tuple[int, list[str]]:
    answer = site.client().get("/readyz")
    return answer.status_code, answer.json()["degraded"]


# Readiness and broken parts


def test_a_whole_site_is_ready(shared_site: ServiceSite) -> None:
    assert parts(shared_site) == (200, {})
    assert shared_site.client().get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("file", "code"),
    [("model.txt", "CR-MODEL-001"), ("features.json", "CR-MODEL-001"), ("calibration.json", "CR-MODEL-001"),
     ("manifest.sha256", "CR-MODEL-001"), ("manifest.json", "CR-MODEL-005"), ("manifest.sig", "CR-MODEL-005")],
)  # fmt: skip
def test_a_service_that_never_saw_a_whole_person_bundle_starts_and_places_go_on(
    own_site: ServiceSite, file: str, code: str
) -> None:
    change_a_byte(own_site, PERSON_MODEL, file)
    status, problems = parts(own_site)
    assert (status, list(problems)) == (503, ["person_model"])
    assert problems["person_model"].startswith(f"{code}: ")
    care = own_site.client("care", "north")
    for path in (f"/api/v1/people/{own_site.people['ann']}/risk", "/api/v1/caseloads/north"):
        answer = care.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert str(own_site.site.path) not in answer.text
    assert own_site.client("crisis_team").get(BOARD).status_code == 200


def test_a_board_goes_on_with_a_caveat_when_its_bundle_no_longer_verifies(own_site: ServiceSite) -> None:
    change_a_byte(own_site, PLACE_MODEL, "model.txt")
    assert list(parts(own_site)[1]) == ["place_model"]
    answer = own_site.client("crisis_team").get(BOARD)
    assert answer.status_code == 200
    assert any("does not verify now" in caveat for caveat in answer.json()["caveats"])


def test_a_site_without_models_says_that_none_was_promoted(own_site: ServiceSite) -> None:
    for name in (PERSON_MODEL, PLACE_MODEL):
        (own_site.site.models / name / "champion.json").unlink()
    status, problems = parts(own_site)
    assert status == 503
    assert {said.split(":")[0] for said in problems.values()} == {"CR-MODEL-004"}


def test_a_site_that_only_looks_at_people_is_ready_without_a_model_of_places(own_site: ServiceSite) -> None:
    own_site.declare("service.toml", SERVICE[: SERVICE.index("[models]")] + SERVICE[SERVICE.index("[person_scores]") :])
    (own_site.site.models / PLACE_MODEL / "champion.json").unlink()
    assert parts(own_site) == (200, {})
    (own_site.site.models / PERSON_MODEL / "champion.json").unlink()
    assert set(parts(own_site)[1]) == {"place_model", "person_model"}


def test_a_site_need_not_name_its_models(own_site: ServiceSite) -> None:
    own_site.declare("service.toml", SERVICE[: SERVICE.index("[models]")] + SERVICE[SERVICE.index("[person_scores]") :])
    assert parts(own_site) == (200, {})
    answer = own_site.client("care", "north").get(f"/api/v1/people/{own_site.people['ann']}/risk")
    assert answer.json()["model"]["name"] == PERSON_MODEL
    for name, part in ((PERSON_MODEL, "person_model"), (PLACE_MODEL, "place_model")):
        change_a_byte(own_site, name, "model.txt")
        assert degraded(own_site) == (200, [part])
        change_a_byte(own_site, name, "model.txt")  # the same bit again: as it was
        assert parts(own_site) == (200, {})


def test_a_place_model_cannot_answer_for_people(own_site: ServiceSite) -> None:
    own_site.declare("service.toml", SERVICE.replace(PERSON_MODEL, PLACE_MODEL))
    assert list(parts(own_site)[1]) == ["person_model"]


def test_a_person_bundle_is_not_needed_where_people_are_off(own_site: ServiceSite) -> None:
    change_a_byte(own_site, PERSON_MODEL, "model.txt")
    own_site.declare("service.toml", SERVICE.replace("on = true", "on = false"))
    assert parts(own_site) == (200, {})


@pytest.mark.parametrize("content", ["{", "", "[]", "{}", "3", '[{"version": 4}]', "\x00", '["x"]'])
@pytest.mark.parametrize(("broken", "part"), [(PERSON_MODEL, "person_model"), (PLACE_MODEL, "place_model")])
@pytest.mark.parametrize("named", [True, False])
def test_a_damaged_pointer_takes_down_its_own_subject_alone(
    own_site: ServiceSite, content: str, broken: str, part: str, named: bool
) -> None:
    if not named:
        own_site.declare("service.toml", UNNAMED)
    pointer = own_site.site.models / broken / "champion.json"
    whole = pointer.read_text()
    pointer.write_text(content)
    with own_site.client() as client:  # with its start; nothing was ever good here
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert [name for name, said in answer.json()["parts"].items() if said != "ready"] == [part]
        pointer.write_text(whole)
        assert client.get("/readyz").status_code == 200
    care = own_site.client("care", "north")
    pointer.write_text(content)
    with care:  # started again, by the copy of what was good
        assert care.get(f"/api/v1/people/{own_site.people['ann']}/risk").status_code == 200
    assert degraded(own_site) == (200, [part])
    assert own_site.client("crisis_team").get(BOARD).status_code == 200


def test_a_model_whose_pointer_is_damaged_is_passed_over_where_another_answers(own_site: ServiceSite) -> None:
    own_site.declare("service.toml", UNNAMED)
    shutil.copytree(own_site.site.models / PERSON_MODEL, own_site.site.models / "another")
    (own_site.site.models / "another" / "champion.json").write_text("{")
    assert parts(own_site) == (200, {})


def test_a_file_that_is_no_database_is_said_and_everything_else_is_ready(own_site: ServiceSite) -> None:
    break_database(own_site.site.path)
    with own_site.client() as client:
        status, problems = client.get("/readyz").status_code, client.get("/readyz").json()["parts"]
    assert status == 503
    assert [name for name, said in problems.items() if said != "ready"] == ["database", "audit"]  # which is in it


def test_a_damaged_row_is_a_defect_and_does_not_lock_the_database(own_site: ServiceSite) -> None:
    client, path = own_site.client("care", "north"), f"/api/v1/people/{own_site.people['ann']}/risk"
    with writing(own_site.engine) as connection:
        connection.exec_driver_sql("UPDATE scores SET reasons = '{nope'")
    answers = [client.get(path), client.get("/api/v1/caseloads/north")]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(500, "CR-HTTP-500")] * 2
    with writing(open_engine(own_site.site.database_url, busy_seconds=0.1)) as connection:
        connection.exec_driver_sql("UPDATE scores SET reasons = '[]'")
    assert client.get(path).status_code == 200


@pytest.mark.both_databases
def test_a_database_that_is_not_up_to_date_is_said_and_everything_is_503(own_site: ServiceSite) -> None:
    key = own_site.key("crisis_team")
    lose_database(own_site.site.path)
    assert list(parts(own_site)[1]) == ["database", "audit"]
    answer = own_site.client().get(BOARD, headers={"X-API-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (503, "CR-HTTP-503")
    assert "api_keys" not in answer.text


def test_a_site_whose_tables_are_gone_refuses_people_and_says_so(own_site: ServiceSite) -> None:
    (own_site.site.data / "CURRENT").unlink()
    assert list(parts(own_site)[1]) == ["tables"]
    answer = own_site.client("care", "north").get(f"/api/v1/people/{own_site.people['ann']}/risk")
    assert (answer.status_code, answer.json()["code"]) == (503, "CR-DATA-005")


# Errors


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nothing", 404, "CR-HTTP-404"), ("GET", "/api/v1/people", 404, "CR-HTTP-404"),
     ("GET", "/api/v1/shifts/", 404, "CR-HTTP-404"), ("POST", "/api/v1/shifts", 405, "CR-HTTP-405"),
     ("OPTIONS", "/api/v1/shifts", 405, "CR-HTTP-405"), ("DELETE", "/healthz", 405, "CR-HTTP-405"),
     ("GET", "/api/v1/shifts?from=x", 422, "CR-HTTP-422")],
)  # fmt: skip
def test_every_error_has_the_same_shape(
    shared_site: ServiceSite, method: str, path: str, status: int, code: str
) -> None:
    answer = shared_site.client("crisis_team").request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert {"title", "detail"} <= set(body)


def test_a_body_that_is_too_large_is_refused(shared_site: ServiceSite) -> None:
    client = shared_site.client("crisis_team")
    large = client.request("GET", "/healthz", content=b"x" * 65_537)
    endless = client.request("GET", "/healthz", headers={"Content-Length": "9" * 5_000})
    assert (large.status_code, endless.status_code) == (413, 413)
    assert large.json()["code"] == "CR-HTTP-413"
    assert client.request("GET", "/healthz", content=b"x" * 65_536).status_code == 200


def test_a_body_of_unstated_length_is_counted(shared_site: ServiceSite) -> None:
    client = shared_site.client("crisis_team")

    def chunks(count: int) -> Iterator[bytes]:
        yield from [b"x" * 1_024] * count

    answers = {count: client.request("GET", BOARD, content=chunks(count)) for count in (0, 1, 64, 65)}
    assert {count: answer.status_code for count, answer in answers.items()} == {0: 200, 1: 200, 64: 200, 65: 413}
    assert answers[65].json()["code"] == "CR-HTTP-413"


def test_a_head_of_the_health_check_is_answered(shared_site: ServiceSite) -> None:
    assert shared_site.client().head("/healthz").status_code == 200


def test_a_defect_shows_a_reference_and_nothing_else(own_site: ServiceSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    app = create_app(read_settings(own_site.site, {}))

    @app.get("/defect")
    def defect() -> None:
        raise RuntimeError("k1_SECRET of a person")

    answer = TestClient(app, raise_server_exceptions=False).get("/defect")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (500, "CR-HTTP-500")
    assert body["reference"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert "k1_SECRET" not in answer.text
    assert body["reference"] in [getattr(record, "fields", {}).get("request_id") for record in caplog.records]


# Headers and logs


def test_every_answer_carries_the_security_headers_and_its_own_id(shared_site: ServiceSite) -> None:
    client = shared_site.client("crisis_team")
    seen = [client.get(path).headers for path in ("/healthz", BOARD, "/nothing", "/api/v1/caseloads/north")]
    for headers in seen:
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in headers
    assert len({headers["x-request-id"] for headers in seen}) == len(seen)


def test_other_origins_are_never_allowed(shared_site: ServiceSite) -> None:
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    client = shared_site.client("crisis_team")
    for method in ("GET", "OPTIONS"):
        answer = client.request(method, BOARD, headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_log_names_routes_and_never_people(shared_site: ServiceSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    person = shared_site.people["ann"]
    shared_site.client("care", "north").get(f"/api/v1/people/{person}/risk")
    shared_site.client("crisis_team").get(f"/api/v1/people/{person}/risk")
    shared_site.client().get(f"/{person}")
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == "crisisrisk.serving"]
    asked = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"], line["role"]) for line in asked] == [
        ("/api/v1/people/{pid}/risk", 200, "care"), ("/api/v1/people/{pid}/risk", 403, "crisis_team"),
        ("(none)", 404, None),
    ]  # fmt: skip
    assert person not in json.dumps(lines)
    assert shared_site.key("crisis_team") not in json.dumps(lines)


def test_a_log_line_keeps_only_what_is_on_the_list() -> None:
    record = logging.LogRecord("elsewhere", logging.ERROR, "", 0, "failed for %s", ("k1_SECRET",), None)
    record.fields = {"status": 500, "person_id": "k1_SECRET", "path": "/people/k1_SECRET"}
    try:
        raise ValueError("k1_SECRET")
    except ValueError:
        record.exc_info = sys.exc_info()
    line = JsonLines().format(record)
    assert "k1_SECRET" not in line
    assert json.loads(line)["status"] == 500
    assert json.loads(line)["error_type"] == "ValueError"
    assert re.fullmatch(r"test_service\.py:\d+ test_\w+", json.loads(line)["error_at"][0])


@pytest.mark.parametrize("name", ["uvicorn.error", "asyncio"])
def test_the_servers_own_words_are_kept_to_one_line_that_tells_nothing(name: str) -> None:
    def event(message: str, *arguments: object) -> str:
        record = logging.LogRecord(name, logging.ERROR, "", 0, message, arguments, None)
        return str(json.loads(JsonLines().format(record))["event"])

    traceback = 'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: k1_SECRET\n'
    assert event(traceback) == event("\n" + traceback) == "a failure in the server"
    assert event("Exception in ASGI application\n" + traceback) == "Exception in ASGI application"
    assert event("") == ""
    assert event("Started server process [%d]", 7) == "Started server process " + ("[7]" if "uv" in name else "[%d]")


def test_a_method_that_nobody_knows_is_not_written(shared_site: ServiceSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client = shared_site.client()
    statuses = [client.request(method, "/healthz").status_code for method in ("K1_SECRET", "PATCH")]
    asked = [record.fields["method"] for record in caplog.records if record.getMessage() == "request"]
    assert (statuses, asked) == ([405, 405], ["(other)", "PATCH"])


def test_start_up_says_that_people_are_off_and_why(own_site: ServiceSite, caplog: pytest.LogCaptureFixture) -> None:
    own_site.declare("service.toml", SERVICE.replace('"DPIA-0 (invented)"', '""'))
    with own_site.client():
        pass
    said = [(record.getMessage(), record.fields) for record in caplog.records if hasattr(record, "fields")]
    assert ("scores of people are off; places work without", {"missing": ["impact_assessment"]}) in said


# Settings


def test_the_docs_page_is_there_only_where_it_is_switched_on(own_site: ServiceSite) -> None:
    page = own_site.client().get("/docs")
    assert page.status_code == own_site.client().get("/openapi.json").status_code == 200
    assert "/api/v1/people/{pid}/risk" in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    own_site.declare("service.toml", SERVICE.replace("docs_page = true", ""))
    assert [own_site.client().get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [404] * 3


def test_an_application_that_nobody_holds_is_given_back(own_site: ServiceSite) -> None:
    """What libraries keep of its routes holds no application: each would be megabytes more for whoever makes many."""
    client = own_site.client("care", "north")
    assert client.get("/docs").status_code == 200
    assert client.get("/api/v1/caseloads/north").status_code == 200
    app = weakref.ref(client.app)
    del client
    gc.collect()
    assert app() is None


def test_the_environment_names_the_site_and_the_log_level(shared_site: ServiceSite) -> None:
    environ = {"CRISISRISK_SITE": str(shared_site.site.path), "CRISISRISK_LOG_LEVEL": "warning"}
    settings = settings_from_environment(environ)
    assert (settings.site, settings.log_level) == (shared_site.site, "warning")
    with pytest.raises(UsageError):
        read_settings(shared_site.site, {"CRISISRISK_LOG_LEVEL": "loud"})


@pytest.mark.parametrize(
    ("file", "before", "after", "problem"),
    [("service.toml", "docs_page", "docs_pages", 'unknown key "docs_pages"'),
     ("service.toml", "docs_page = true", "docs_page = 1", "docs_page is 1, wanted true or false"),
     ("service.toml", "clinical_safety_officer", "clinical_officer", 'unknown key "person_scores.clinical_officer"'),
     ("service.toml", 'person = "person_crisis_28d"', "person = 28", "models.person is 28, wanted text"),
     ("service.toml", "[models]", "[freshness]\nscore_valid_days = -1\n[models]",
      "freshness.score_valid_days is -1, wanted a number above 0"),
     ("service.toml", "[models]", "[limits]\nbody_bytes = 0\n[models]",
      "limits.body_bytes is 0, wanted a number above 0"),
     ("service.toml", "[models]", "[audit.kept_days]\ndirect_car = 400\n[models]",
      'unknown purpose "audit.kept_days.direct_car"'),
     ("service.toml", "[models]", "[audit.kept_days]\ndirect_care = 30\n[models]",
      "audit.kept_days.direct_care is 30, wanted whole days from 365 to 36525"),
     ("service.toml", "[models]", "[models", "the file is not valid TOML")],
)  # fmt: skip
def test_a_wrong_declaration_is_refused_by_name(
    own_site: ServiceSite, file: str, before: str, after: str, problem: str
) -> None:
    own_site.declare(file, SERVICE.replace(before, after))
    with pytest.raises(RecipeError) as raised:
        read_settings(own_site.site, {})
    assert problem in raised.value.problem
    assert raised.value.code == "CR-SERVE-001"


@pytest.mark.parametrize(
    ("text", "problem"),
    [('[police]\nmeaning = "police"\nreaches = ["own_people"]', 'unknown role "police"'),
     ('[commissioner]\nmeaning = "x"\nreaches = ["look_up"]', 'unknown role "commissioner"'),
     ('[crisis_team]\nmeaning = "x"\nreaches = ["own_people"]', 'crisis_team may never reach "own_people"'),
     ('[triage_clinician]\nmeaning = "x"\nreaches = ["own_people"]', 'triage_clinician may never reach "own_people"'),
     ('[allocation]\nmeaning = "x"\nreaches = ["names"]', 'allocation may never reach "names"'),
     ('[data]\nmeaning = "x"\nreaches = ["true_counts"]', 'data may never reach "true_counts"'),
     ('[data]\nmeaning = "x"\nreaches = ["place"]', 'data reaches the unknown "place"'),
     ('[data]\nmeaning = "x"\nreach = []', 'unknown key "data.reach"; data.reaches is missing or not a list'),
     ("data = 3", "[data] is 3, wanted a table")],
)  # fmt: skip
def test_no_site_can_give_a_role_more_than_the_program_allows(own_site: ServiceSite, text: str, problem: str) -> None:
    own_site.declare("roles.toml", text)
    with pytest.raises(RecipeError) as raised:
        read_settings(own_site.site, {})
    assert raised.value.problem == problem
    assert raised.value.code == "CR-SERVE-002"


def test_the_shipped_declarations_are_fine_and_offer_no_people(own_site: ServiceSite) -> None:
    (own_site.site.path / "serving" / "service.toml").unlink()
    settings = read_settings(own_site.site, {})
    assert settings.service.person_scores.missing == ("on = true", "clinical_safety_officer", "impact_assessment")
    assert settings.service.docs_page is False
    assert settings.roles.keys() == MOST.keys()
    assert {name for name, role in settings.roles.items() if "own_people" in role.reaches} == {"care", "lead"}


# The process


IMPORTS = """
import sys
from pathlib import Path
unpickled = []
sys.addaudithook(lambda event, arguments: event == "pickle.find_class" and unpickled.append(arguments))
import uvicorn
from fastapi.testclient import TestClient
from crisisrisk.commands.serve import serve
from crisisrisk.tables.site import read_site
site, key, person = sys.argv[1:]
served = []
uvicorn.Server.run = lambda self, **_: served.append(self.config.app)
serve(read_site(Path(site)), host="", port=0, environ={})
paths = ["/readyz", f"/api/v1/people/{person}/risk", "/api/v1/caseloads/north", "/api/v1/data-status", "/api/v1/models"]
with TestClient(served[0], headers={"Authorization": "Bearer " + key}) as client:
    print([client.get(path).status_code for path in paths])
never = {"mlflow", "sklearn", "shap", "joblib", "cloudpickle", "dill", "matplotlib", "lightgbm"}
# What was compiled before is read back from beside the program: numba's own types, and no object of anybody else's.
compiled = {("copyreg", "_reconstructor"), ("builtins", "object")}
foreign = [one for one in unpickled if not one[0].startswith("numba.core.") and one not in compiled]
print(sorted(never & set(sys.modules)), foreign)
try:
    import joblib
except ModuleNotFoundError as refused:
    print(refused)
"""


def test_the_serving_process_imports_nothing_of_training_and_unpickles_nothing(own_site: ServiceSite) -> None:
    """Pickle itself is imported by the standard library and NumPy. Here it never makes an object of anybody's class."""
    let_answer(own_site.site, served_model(5), at="2026-11-22T00:00:00+00:00")
    own_site.score(score_row("ann", 0.182), model_version=5)
    arguments = [str(own_site.site.path), own_site.key("care", "north"), own_site.people["ann"]]
    done = subprocess.run([sys.executable, "-c", IMPORTS, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[200, 200, 200, 200, 200]", "[] []", "the service never imports joblib"]


def test_our_code_imports_no_pickle() -> None:
    source = Path(__file__).parents[2] / "src" / "crisisrisk"
    pattern = re.compile(r"^\s*(import|from) (pickle|joblib|cloudpickle|dill|shelve|marshal)\b", re.MULTILINE)
    assert [path for path in source.rglob("*.py") if pattern.search(path.read_text(encoding="utf-8"))] == []


def test_a_real_server_answers_a_real_client_and_logs_nobody(own_site: ServiceSite, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    key, person = own_site.key("care", "north"), own_site.people["ann"]
    command = [sys.executable, "-m", "crisisrisk", "serve", "--site", str(own_site.site.path), "--port", str(port)]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as server:
        try:
            _wait(lambda: answers(port), server)
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}
            ) as client:
                risk = client.get(f"/api/v1/people/{person}/risk")
                client.get(f"/{person}")
            assert (risk.status_code, risk.json()["likely_in_100"]) == (200, 18)
            assert "server" not in risk.headers
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=20) == 0
    written = log.read_text()
    assert '"route": "/api/v1/people/{pid}/risk"' in written
    assert person not in written
    assert key not in written
    assert all(json.loads(line)["time"] for line in written.splitlines())


def _wait(ready: Any, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while not ready():
        assert server.poll() is None, "the server ended"
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.2)


def test_the_health_check_says_no_when_nothing_answers() -> None:
    assert answers(free_port()) is False


def test_the_health_check_asks_this_machine_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ok(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()

    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with HTTPServer(("127.0.0.1", 0), Ok) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        code = f"from crisisrisk.serving.health import answers; print(answers({server.server_port}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_the_health_check_says_no_to_what_is_no_http() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        def speak() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(1_000)
                connection.sendall(b"SSH-2.0-something\r\n")

        threading.Thread(target=speak, daemon=True).start()
        assert answers(other.getsockname()[1]) is False


# What is worked out, after a start


def test_what_is_worked_out_is_made_ready_beside_the_service_and_waited_for(own_site: ServiceSite) -> None:
    headers, person = {"X-API-Key": own_site.key("care", "north")}, own_site.people["ann"]
    app = create_app(read_settings(own_site.site, {}))
    app.state.service.warm_up.longest = warm_up.SECONDS
    bundle = app.state.service.person_model.bundle()
    note = kept_folder(warm_up.__name__) / bundle.manifest.recipe_fingerprint[:32]
    note.unlink(missing_ok=True)
    with TestClient(app, headers=headers) as client:
        answer = client.get(f"/api/v1/people/{person}/risk?fresh=true")
        assert (answer.status_code, answer.json()["fresh"]) == (200, True)
        assert (note.exists(), warm_up.is_compiled(bundle)) == (True, True), (
            "in a process of its own, before the answer"
        )
    assert not app.state.service.warm_up._child.stdout


def test_who_asks_too_soon_is_told_when_to_ask_again_and_others_are_answered(
    own_site: ServiceSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm_up.WarmUp, "_make_ready", lambda *_: None)  # one that never ends
    client, path = own_site.client("care", "north"), f"/api/v1/people/{own_site.people['ann']}/risk"
    service: Service = client.app.state.service  # type: ignore[attr-defined]
    service.warm_up.longest = 0.05
    service.warm_up.start(service.person_model.bundle)
    answers = [client.get(f"{path}?fresh=true") for _ in range(3)]  # none of which keeps a place
    assert [(one.status_code, one.headers["retry-after"]) for one in answers] == [(503, "15")] * 3
    assert client.get(path).status_code == 200
    assert "the service has just begun" in client.get(f"/people/{own_site.people['ann']}?since=2026-11-15").text


@pytest.mark.parametrize("broken", ["no model", "no tables"])
def test_where_it_cannot_be_made_ready_nobody_waits(own_site: ServiceSite, broken: str) -> None:
    app = create_app(read_settings(own_site.site, {}))
    service: Service = app.state.service
    whole = service.person_model.bundle()
    bundle = replace(whole, manifest=replace(whole.manifest, recipe_fingerprint="never"))
    shutil.rmtree(own_site.site.data)
    started, none = time.monotonic(), VerifiedModel(own_site.site.path / "none", "person", None)
    service.warm_up.start(none.bundle if broken == "no model" else lambda: bundle)
    service.warm_up.wait()
    assert time.monotonic() - started < warm_up.WAIT_SECONDS
    assert not warm_up.is_compiled(bundle)
