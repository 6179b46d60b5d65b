"""The service image: what its Dockerfile and its requirements say."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAINING = ("mlflow", "scikit-learn", "shap", "matplotlib", "joblib", "cloudpickle", "pytest")


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile and its arguments, in order."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, arguments) for name, _, arguments in (line.partition(" ") for line in lines)]


def last(instructions: list[tuple[str, str]], name: str) -> str:
    return [arguments for instruction, arguments in instructions if instruction == name][-1]


def test_the_image_is_pinned_and_slim(instructions: list[tuple[str, str]]) -> None:
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", last(instructions, "FROM"))


def test_it_runs_as_a_user_that_is_not_root(instructions: list[tuple[str, str]]) -> None:
    assert int(last(instructions, "USER")) > 0
    names = [name for name, _ in instructions]
    assert names.index("USER") < names.index("CMD")


def test_packages_are_hash_checked_and_none_is_for_training(instructions: list[tuple[str, str]]) -> None:
    installs = [arguments for name, arguments in instructions if name == "RUN" and '"pip"' in arguments]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "requirements/serve.txt" in installs[0]
    required = (ROOT / "requirements" / "serve.txt").read_text()
    assert [name for name in TRAINING if re.search(rf"^{name}==", required, re.MULTILINE)] == []
    pins = re.findall(r"^[a-z0-9-]+==\S+.*$", required, re.MULTILINE)
    assert pins
    assert all(pin.endswith("\\") for pin in pins), "a package without a hash"
    assert {"fastapi", "uvicorn", "sqlalchemy", "alembic"} <= {pin.split("==")[0] for pin in pins}


def test_it_asks_after_its_own_health_without_other_programs(instructions: list[tuple[str, str]]) -> None:
    assert last(instructions, "HEALTHCHECK").endswith('CMD ["python", "-m", "crisisrisk.serving.health"]')
    assert last(instructions, "CMD").startswith('["python", "-m", "crisisrisk", "serve"')


def test_everything_it_copies_is_there_and_nothing_of_a_site(instructions: list[tuple[str, str]]) -> None:
    copied = [arguments.split()[0] for name, arguments in instructions if name == "COPY"]
    assert all((ROOT / name).exists() for name in copied)
    assert {"src", "features", "training", "serving", "requirements/serve.txt", "LICENSE"} == set(copied)
    assert "tzdata" in " ".join(arguments for name, arguments in instructions if name == "RUN")
