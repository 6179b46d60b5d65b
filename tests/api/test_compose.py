"""The servers that run beside the service: what compose.yaml says, and that what it runs is there."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from crisisrisk.cli import COMMANDS

ROOT = Path(__file__).parents[2]
OURS = ("service", "worker")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_there_are_the_four_servers(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"service", "worker", "database", "mlflow"}
    images = [service["image"] for service in compose["services"].values() if service["image"] != "crisisrisk"]
    assert all(re.search(r":v?\d+\.\d+", image) for image in images), "each of a version, none the latest"


def test_nothing_listens_beyond_this_machine(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:8000:8000", "127.0.0.1:5000:5000"]


def test_ours_write_to_the_site_alone_and_may_do_nothing_else(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert (service["read_only"], service["cap_drop"], service["tmpfs"]) == (True, ["ALL"], ["/tmp"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert [volume.rpartition(":")[2] for volume in service["volumes"]] == ["/site"]


def test_the_service_cannot_reach_the_mlflow_server(compose: dict[str, Any]) -> None:
    assert compose["services"]["mlflow"]["networks"] == ["training"]
    assert not any("networks" in compose["services"][name] for name in (*OURS, "database"))


def test_there_is_no_password_in_it_and_nothing_starts_without_one(compose: dict[str, Any]) -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    said = re.findall(r"(?i)password\w*:\s*(\S+)", text)
    assert said == ["/run/secrets/database_password", "{file:"]
    assert {secret["file"] for secret in compose["secrets"].values()} == {"secrets/database_password", "secrets/pgpass"}
    assert "secrets/" in (ROOT / ".gitignore").read_text()
    assert "secrets" in (ROOT / ".dockerignore").read_text().split()


def test_the_worker_is_a_command_that_exists(compose: dict[str, Any]) -> None:
    python, option, module, command = compose["services"]["worker"]["command"]
    assert (python, option, module) == ("python", "-m", "crisisrisk")
    assert command in COMMANDS


def test_it_is_given_longer_to_stop_than_it_takes(compose: dict[str, Any]) -> None:
    from crisisrisk.serving.server import STOP_SECONDS

    assert int(compose["services"]["service"]["stop_grace_period"].rstrip("s")) > STOP_SECONDS
