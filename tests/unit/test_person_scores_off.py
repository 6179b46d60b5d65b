"""No command gives scores of people at a site that has not switched them on and named who answers for it."""

import re
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.lib.explained_site import explained_site, pid
from tests.lib.service_site import SERVICE, ServiceSite

import crisisrisk.commands
from crisisrisk.cli import run
from crisisrisk.database.schema import ScoringRun

UNNAMED = SERVICE.replace('"Dr A. Nobody (invented)"', '"  "').replace('"DPIA-0 (invented)"', '""')
GIVES_SCORES = re.compile(r"import .*\b(score_people|explain_person|team_lists|scores_table)\b")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ServiceSite:
    return explained_site(tmp_path_factory.mktemp("off") / "site")


def stored(made: ServiceSite) -> int:
    with made.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(ScoringRun)).scalar_one())


@pytest.mark.parametrize("command", ["score", "explain", "model diff"])
@pytest.mark.parametrize(
    ("declared", "missing"),
    [
        (SERVICE.replace("on = true", "on = false"), "on = true"),
        (UNNAMED, "clinical_safety_officer, impact_assessment"),
        ("docs_page = true", "on = true, clinical_safety_officer, impact_assessment"),
    ],
)
def test_without_the_switch_and_both_names_there_is_no_score(
    made: ServiceSite, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, declared: str, missing: str
) -> None:
    made.declare("service.toml", declared)
    kept, out = stored(made), tmp_path / "scores.csv"
    arguments = {"score": ["--out", str(out)], "explain": [pid(made, "cat")], "model diff": ["5", "6"]}[command]
    assert run([*command.split(), *arguments, "--site", str(made.site.path)]) == 5
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "error[CR-PERSON-001]: scores of people are off at this site\n"
        "  where   serving/service.toml, [person_scores]\n"
        f"  wanted  {missing}\n"
        "  hint    serving/service.toml switches them on, naming the clinical safety officer and the impact assessment "
        "(docs/how-to/serve.md) · see docs/reference/errors.md#cr-person-001\n"
    )
    assert (stored(made), out.exists()) == (kept, False)


def test_with_all_three_they_are_given_and_kept(made: ServiceSite, capsys: pytest.CaptureFixture[str]) -> None:
    made.declare("service.toml", SERVICE)
    kept, at = stored(made), ["--site", str(made.site.path)]
    assert run(["score", *at]) == run(["explain", pid(made, "cat"), *at]) == run(["model", "diff", "5", "6", *at]) == 0
    assert "in 100" in capsys.readouterr().out
    assert stored(made) == kept + 1


def test_a_new_site_has_them_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "site"
    assert run(["init", str(folder)]) == 0
    assert run(["score", "--site", str(folder)]) == 5
    assert run(["score", "--weeks", "2", "--site", str(folder)]) == 5
    assert "error[CR-PERSON-001]" in capsys.readouterr().err
    assert not list(folder.rglob("*.db"))


def test_every_command_that_gives_scores_of_people_asks_first() -> None:
    giving = [
        path.name
        for path in Path(crisisrisk.commands.__path__[0]).glob("*.py")
        if GIVES_SCORES.search(path.read_text(encoding="utf-8"))
    ]
    assert {"score.py", "explain.py", "model_diff.py"} <= set(giving)
    for name in giving:
        text = (Path(crisisrisk.commands.__path__[0]) / name).read_text(encoding="utf-8")
        assert "require_person_scores(site)" in text, name
