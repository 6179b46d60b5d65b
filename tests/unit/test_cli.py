"""The command line: help with an example everywhere, one JSON object, exit codes, errors as they are written."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from crisisrisk.cli import COMMANDS, crisisrisk, run
from crisisrisk.cli.printing import table_text


def every_command(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from every_command(below, click.Context(below, info_name=name, parent=context))


ALL = dict(every_command(crisisrisk, click.Context(crisisrisk, info_name="crisisrisk")))


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_help_that_ends_in_an_example(path: str) -> None:
    command = ALL[path]
    text = command.get_help(click.Context(command, info_name=path))
    last_words = " ".join(text.split("\n\n")[-1].split())
    assert last_words.startswith("Example: crisisrisk")
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.name}"


@pytest.mark.parametrize("path", [path for path, command in ALL.items() if not isinstance(command, click.Group)])
def test_every_command_but_serve_has_json(path: str) -> None:
    has_json = any("--json" in parameter.opts for parameter in ALL[path].params)
    assert has_json is not path.endswith(" serve")


def test_the_summaries_of_the_top_level_are_those_that_help_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown and summary in shown for name, (_, summary) in COMMANDS.items())


def test_an_unknown_command_is_wrong_use_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trian", "person"]) == 2
    assert "no command 'trian' · did you mean \"train\"?" in capsys.readouterr().err


def test_an_error_goes_to_stderr_with_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "status", "--site", str(tmp_path), "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["code"] == "CR-SITE-001"
    assert captured.err.startswith("error[CR-SITE-001]: this folder is not a site\n  where   ")


def test_a_defect_shows_its_place_and_never_its_message(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "init", ("crisisrisk.cli.data", "A command that is not where it should be."))
    assert run(["init", "x"]) == 70
    assert "this should not happen (AttributeError at __init__.py:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (["forecast", "--shift", "9999-12-31"], "a moment too far away"),
        (["score", "--as-of", "0001-01-01"], "a moment too far away"),
        (["score", "--as-of", "2026-03-29T01:30"], "this local time does not exist"),
        (["score", "--as-of", "yesterday"], "not a moment"),
        (["forecast", "--hours", "nan"], "not a stretch of shifts to forecast"),
        (["forecast", "--hours", "100000"], "not a stretch of shifts to forecast"),
        (["score", "--out", "x.xlsx"], "this kind of file is not written here"),
        (
            ["features", "build", "person", "--as-of", "2026-01-05", "--out", "x.csv"],
            "this kind of file is not written",
        ),
    ],
)
def test_what_cannot_be_used_is_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], problem: str
) -> None:
    assert run(["init", str(tmp_path / "site")]) == 0
    assert run([*command, "--site", str(tmp_path / "site")]) == 2
    assert problem in capsys.readouterr().err


def test_a_missing_option_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "load", "file.csv"]) == 2
    assert "--mapping" in capsys.readouterr().err


def test_init_makes_a_site_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "site"
    assert run(["init", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"site": str(folder)}
    assert (folder / "crisisrisk.toml").is_file()
    assert (folder / "features" / "person.toml").is_file()
    assert (folder / "templates" / "events.csv").read_text().startswith("event_id,")
    assert (folder / "keys" / "pseudonym.key").stat().st_mode & 0o777 == 0o600
    assert run(["init", str(folder)]) == 2
    assert "a site is only made in a new or empty folder" in capsys.readouterr().err
    assert [path.name for path in folder.parent.iterdir()] == ["site"]


def test_a_new_site_can_be_used_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "site"
    assert run(["init", str(folder)]) == 0
    capsys.readouterr()
    assert run(["features", "list", "--site", str(folder), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["features"]
    names = [line["name"] for line in listed]
    assert "s136_count_in_28_days" in names
    assert run(["features", "explain", "s136_count_in_28_day", "--site", str(folder)]) == 2
    assert 'did you mean "s136_count_in_28_days"?' in capsys.readouterr().err


def test_features_of_a_site_without_recipes_are_the_shipped_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "site"
    assert run(["init", str(folder)]) == 0
    shutil.rmtree(folder / "features")
    capsys.readouterr()
    assert run(["features", "list", "--site", str(folder), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["features"]
    assert {"person", "place"} == {line["subject"] for line in listed}
    assert all(line["meaning"][0].isupper() or line["meaning"][0].isdigit() for line in listed)
    assert run(["features", "explain", "in_hospital_now", "--site", str(folder)]) == 0
    assert "so many days means    365" in capsys.readouterr().out


def test_a_table_is_aligned() -> None:
    assert table_text(["name", "rows"], [["a", 1200], ["long", None]]) == "name   rows\na     1,200\nlong      –"
