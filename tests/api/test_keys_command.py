"""`crisisrisk keys` and `db`: made once, shown once, ended at once."""

import json
from collections.abc import Sequence

import pytest
from click.testing import CliRunner, Result
from tests.lib.harmed_database import lose_database
from tests.lib.service_site import ServiceSite

from crisisrisk.cli import crisisrisk
from crisisrisk.database.upgrade import newest_revision


def run(site: ServiceSite, *arguments: str) -> Result:
    return CliRunner().invoke(crisisrisk, [*arguments, "--site", str(site.site.path)])


def listed(site: ServiceSite) -> list[dict[str, object]]:
    keys: list[dict[str, object]] = json.loads(run(site, "keys", "list", "--json").stdout)["keys"]
    return keys


@pytest.mark.both_databases
def test_a_key_is_shown_once_and_works(own_site: ServiceSite) -> None:
    secret = run(own_site, "keys", "create", "--role", "care", "--team", "north").stdout.strip()
    answer = own_site.client().get("/api/v1/version", headers={"X-API-Key": secret})
    assert answer.status_code == 200
    assert secret not in run(own_site, "keys", "list").stdout
    (line,) = listed(own_site)
    assert (line["role"], line["team"], line["revoked_at"]) == ("care", "north", None)
    assert secret.split("_")[1] == line["key_id"]


@pytest.mark.both_databases
def test_a_revoked_key_says_when(own_site: ServiceSite) -> None:
    made = json.loads(run(own_site, "keys", "create", "--role", "data", "--json").stdout)
    assert json.loads(run(own_site, "keys", "revoke", made["key_id"], "--json").stdout)["revoked_at"] is not None
    assert own_site.client().get("/api/v1/version", headers={"X-API-Key": made["key"]}).status_code == 401


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--role", "police"], 'unknown role "police"'),
        (["--role", "care"], "a key of the role care belongs to a team"),
        (["--role", "care", "--team", "nort"], 'unknown team "nort"'),
        (["--role", "crisis_team", "--team", "north"], "a key of the role crisis_team has no team"),
    ],
)
def test_a_key_that_would_open_too_much_or_nothing_is_not_made(
    own_site: ServiceSite, arguments: Sequence[str], problem: str
) -> None:
    result = run(own_site, "keys", "create", *arguments)
    assert result.exit_code != 0
    assert problem in (result.output or str(result.exception))
    assert listed(own_site) == []


def test_a_database_is_made_and_brought_up_to_date(own_site: ServiceSite) -> None:
    lose_database(own_site.site.path)
    assert json.loads(run(own_site, "db", "upgrade", "--json").stdout) == {"revision": newest_revision()}
    assert own_site.client().get("/readyz").status_code == 200
