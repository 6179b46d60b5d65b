"""The declarations beside the files: what makes a folder of invented files a site that can be loaded at once."""

import re
import shutil
import tomllib
from hashlib import sha256
from pathlib import Path

from crisisrisk.shipped import shipped
from crisisrisk.simulation.city import FORCE_AREAS
from crisisrisk.simulation.deployments import crew_names
from crisisrisk.simulation.settings import CitySettings
from crisisrisk.simulation.teams import QUARTERS, team_ids, team_name

CONFIGURATION, LOAD_ORDER = "crisisrisk.toml", "load_order.toml"
LIST_LENGTH = 25
MOBILE_TEAM = '[[mobile_team]]\nname = "{name}"\nskills = ["nurse", "officer"]\nbreak_minutes = 30\n\n'
PEOPLE_PER_BUCKET = 4_000
FEWEST_BUCKETS, MOST_BUCKETS = 8, 256

# Public on purpose: nobody in an invented city exists, and the same key everywhere gives the same lists.
KEY_OF_NOBODY = sha256(b"the invented city of crisisrisk").hexdigest()

_TEAMS = re.compile(r"(\[\[team\]\]\n(?:\w+ = .*\n)+\n)+")
_MOBILE_TEAMS = re.compile(r"(\[\[mobile_team\]\]\n(?:\w+ = .*\n)+\n)+")


def copy_declarations(settings: CitySettings, out: Path) -> None:
    """The mappings, the load order, the service's and the site's configuration, for a city of that size."""
    source = shipped("data_samples")
    for path in sorted(source.rglob("*")):
        if path.is_file() and path.suffix in (".toml", ".md") and out.resolve() != source.resolve():
            target = out / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    (out / LOAD_ORDER).write_text(
        load_order_of(out, (source / LOAD_ORDER).read_text(encoding="utf-8")), encoding="utf-8"
    )
    configuration = (source / CONFIGURATION).read_text(encoding="utf-8")
    (out / CONFIGURATION).write_text(configuration_of(settings, configuration), encoding="utf-8")


def load_order_of(out: Path, sample: str) -> str:
    """The sample's load order without files that are not there: an agency with nothing to send sends nothing."""
    steps = tomllib.loads(sample)["load"]
    if all((out / name).is_file() for step in steps for name in step["files"]):
        return sample
    head = sample.split("[[load]]", 1)[0]
    parts = []
    for step in steps:
        names = [f'"{name}"' for name in step["files"] if (out / name).is_file()]
        if names:
            parts.append(f'[[load]]\nfiles = [{", ".join(names)}]\nmapping = "{step["mapping"]}"\n')
    return head + "\n".join(parts)


def configuration_of(settings: CitySettings, sample: str) -> str:
    """The sample's configuration with the teams, the mobile teams, the buckets and the name of another city."""
    teams = team_ids(settings.people)
    if teams == QUARTERS and settings.preset == "sample":
        return sample
    sections = "".join(
        f'[[team]]\nid = "{team}"\nname = "{team_name(team)}"\nlist_length = {LIST_LENGTH}\n\n' for team in teams
    )
    buckets = min(MOST_BUCKETS, max(FEWEST_BUCKETS, settings.people // PEOPLE_PER_BUCKET))
    text = _TEAMS.sub(lambda _: sections, sample, count=1)
    if settings.preset == "force":
        mobile = "".join(MOBILE_TEAM.format(name=name) for name in crew_names(len(FORCE_AREAS)))
        text = _MOBILE_TEAMS.sub(lambda _: mobile, text, count=1)
    text = re.sub(r"^# The demo site: an", "# An", text)
    text = re.sub(r'^name = ".*"$', f'name = "Invented city ({settings.preset})"', text, count=1, flags=re.MULTILINE)
    return re.sub(r"^buckets = \d+$", f"buckets = {buckets}", text, count=1, flags=re.MULTILINE)


def write_key(out: Path) -> None:
    """The site's pseudonym key, readable by its owner alone."""
    folder = out / "keys"
    folder.mkdir(mode=0o700)
    file = folder / "pseudonym.key"
    file.touch(mode=0o600)
    file.write_text(f"k1 {KEY_OF_NOBODY}\n", encoding="ascii")
