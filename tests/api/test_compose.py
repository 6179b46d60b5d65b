"""The servers that run beside the service: what compose.yaml says, and that what it runs is there."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def test_what_the_worker_runs_is_a_shell_script_of_commands_that_exist(compose: dict[str, Any]) -> None:
    shell, option, script = compose["services"]["worker"]["command"]
    assert (shell, option) == ("sh", "-c")
    plain = script.replace("$$", "$")
    subprocess.run(["sh", "-n", "-c", plain], check=True)
    commands = re.findall(r"-m crisisrisk (\w+)(.*)", plain)
    assert [name for name, _ in commands] == ["score", "forecast"]
    for name, options in commands:
        command = [sys.executable, "-m", "crisisrisk", name, "--help"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert all(option in shown for option in re.findall(r"--\w+", options))


def test_the_worker_goes_on_after_a_failure_and_ends_when_told_to(compose: dict[str, Any], tmp_path: Path) -> None:
    script = compose["services"]["worker"]["command"][2].replace("$$", "$").replace("21600", "0.1")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/ran\nexit 5\n')
    python.chmod(0o755)
    process = subprocess.Popen(["sh", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    try:
        for _ in range(100):
            ran = (tmp_path / "ran").read_text().splitlines() if (tmp_path / "ran").exists() else []
            if len(ran) >= 4:
                break
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=0.1)
        assert ran[:4] == ["-m crisisrisk score", "-m crisisrisk forecast --hours 72"] * 2
        process.terminate()
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()


def test_it_is_given_longer_to_stop_than_it_takes(compose: dict[str, Any]) -> None:
    from crisisrisk.serving.server import STOP_SECONDS

    assert int(compose["services"]["service"]["stop_grace_period"].rstrip("s")) > STOP_SECONDS
