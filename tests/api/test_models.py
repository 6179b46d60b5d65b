"""Models that answer: signed, tried, swapped without a restart, and kept when what lies in models/ is wrong."""

import errno
import json
import logging
import os
import pickle
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.lib.corrupting import corrupt
from tests.lib.corruptions import Attacker
from tests.lib.operational import copied
from tests.lib.real_server import real_server
from tests.lib.served_models import NAME, promoted_and_scored, said_by_version
from tests.lib.service_site import SERVICE, ServiceSite, opened
from tests.lib.swapping import PATIENT, swap_under_load

from crisisrisk.cli import run
from crisisrisk.commands import model as commands
from crisisrisk.models.champions import changes
from crisisrisk.models.signing import make_signing_key
from crisisrisk.serving.bundles import VerifiedModel

CURRENT, CARD, RELOAD = (f"/api/v1/models/{NAME}/{what}" for what in ("current", "card", "reload"))


@pytest.fixture(scope="module")
def with_two(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site where v5 answered and v6 does, both of trees; it is only copied."""
    folder = copied(pristine, tmp_path_factory.mktemp("two") / "site")
    site = opened(folder)
    promoted_and_scored(site, 5, 6)
    site.engine.dispose()
    return folder


@pytest.fixture
def site(with_two: Path, tmp_path: Path) -> Iterator[ServiceSite]:
    made = opened(copied(with_two, tmp_path / "site"))
    yield made
    made.engine.dispose()


def answer(client: TestClient, site: ServiceSite) -> tuple[int, int, float]:
    """The status, the stated version and the number of one person's answer."""
    got = client.get(f"/api/v1/people/{site.people['ann']}/risk")
    body = got.json()
    return got.status_code, body.get("model", {}).get("version", 0), body.get("probability", -1.0)


def by(site: ServiceSite, version: int) -> tuple[int, int, float]:
    """What a good answer of a version is: its number computed again from its own bundle."""
    return 200, version, said_by_version(site, version)


def data(client: TestClient, site: ServiceSite) -> dict[str, str]:
    return {"Authorization": f"Bearer {site.key('data')}"}


def reload(client: TestClient, site: ServiceSite) -> tuple[str, str]:
    """Let a service look again; what it says then: the state, and the code of what is wrong."""
    said = client.post(RELOAD, headers=data(client, site)).json()
    return said["state"], (said["problem"] or "").partition(":")[0]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


# The routes


def test_models_say_what_they_are(site: ServiceSite) -> None:
    client = site.client("crisis_team")
    listed = client.get("/api/v1/models").json()
    assert [(one["subject"], one["version"], one["state"]) for one in listed["models"]] == [
        ("place", 4, "current"), ("person", 6, "current"),
    ]  # fmt: skip
    current = client.get(CURRENT).json()
    assert (current["version"], current["trees"], current["problem"]) == (6, 16, None)
    assert client.get("/api/v1/models/nothing/current").status_code == 404


def test_the_trust_sheet_is_that_of_the_run_that_answers(site: ServiceSite) -> None:
    client = site.client("care", "north")
    assert client.get(CARD).json() == {"task": NAME}
    [sheet] = site.site.reports.glob(f"{NAME}-*.json")
    sheet.unlink()
    assert (client.get(CARD).status_code, client.get(CARD).json()["hint"]) == (404, "crisisrisk card RUN writes it")


def test_a_subject_without_a_model_is_listed_with_the_reason(site: ServiceSite) -> None:
    shutil.rmtree(site.site.models / "place_crisis_shift")
    said = site.client("data").get("/api/v1/models").json()
    assert [one["subject"] for one in said["models"]] == ["person"]
    assert said["unavailable"]["place"].startswith("CR-MODEL-004")


# Swaps


def test_a_promotion_and_a_rollback_are_followed_without_a_restart(site: ServiceSite) -> None:
    client = site.client("care", "north")
    assert answer(client, site) == by(site, 6)
    commands.rollback(site.site, NAME, reason="wrong codes", by="A. Nowak (invented)")
    assert answer(client, site) == by(site, 6)  # what answers is not looked up by requests
    assert reload(client, site) == ("current", "")
    assert answer(client, site) == by(site, 5)
    assert [change.version for change in changes(site.site.models, NAME)] == [4, 5, 6, 5]


def test_a_service_follows_by_itself(site: ServiceSite, caplog: pytest.LogCaptureFixture) -> None:
    with site.client("care", "north") as client:
        assert answer(client, site) == by(site, 6)
        commands.rollback(site.site, NAME, reason="wrong codes", by="A. Nowak (invented)")
        wait_until(lambda: answer(client, site) == by(site, 5))


def test_a_models_folder_that_cannot_be_looked_at_is_a_part_that_failed(
    site: ServiceSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.declare("service.toml", SERVICE.replace('place = "place_crisis_shift"', ""))
    client = site.client("crisis_team")

    def gone(_path: Path, _pattern: str) -> Iterator[Path]:
        raise OSError(errno.ESTALE, "Stale file handle")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "glob", gone)
        said = client.get("/readyz").json()
        assert said["parts"]["place_model"] == "CR-MODEL-001: it cannot be read (OSError)"
        assert client.get("/metrics").status_code == 200
    wait_until(lambda: client.get("/readyz").json()["parts"]["place_model"] == "ready")


def test_nobody_waits_while_a_bundle_is_verified(site: ServiceSite) -> None:
    model = VerifiedModel(site.site.models, "person", NAME)
    first = model.bundle()
    with model._verifying:  # as a refresh holds it while it reads, checks and tries
        assert model.bundle() is first


def test_two_who_look_at_once_see_one_whole_bundle_each(site: ServiceSite) -> None:
    model = VerifiedModel(site.site.models, "person", NAME)
    seen = Counter[int]()

    def look() -> None:
        for _ in range(20):
            bundle = model.bundle()
            assert bundle.manifest.trees == bundle.risk_model.scorer.count == 10 + bundle.manifest.version
            seen[bundle.manifest.version] += 1

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    commands.rollback(site.site, NAME, reason="wrong codes", by="A. Nowak (invented)")
    model.refresh()
    for thread in threads:
        thread.join()
    look()
    assert seen.total() == 100
    assert seen[5] >= 20


# What is wrong takes nothing away


@pytest.mark.parametrize("file", ["model.txt", "manifest.json", "manifest.sig", "champion.json"])
def test_what_is_damaged_under_a_running_service_changes_nothing_but_its_readiness(
    site: ServiceSite, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = site.client("care", "north")
    assert answer(client, site) == by(site, 6)
    path = site.site.models / NAME / (file if file == "champion.json" else f"v6/{file}")
    whole, times = path.read_bytes(), path.stat()
    expected = by(site, 6)
    flip(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # a date that was set back hides nothing
    for _ in range(3):
        assert reload(client, site)[0] == "degraded"
        assert answer(client, site) == expected
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["degraded"]) == (200, ["person_model"])
    assert ready.json()["parts"]["person_model"].startswith("degraded: CR-MODEL-00")
    alarms = [one for one in caplog.records if one.getMessage().startswith("a model was refused")]
    assert [(one.levelno, one.fields["part"]) for one in alarms] == [(logging.ERROR, "person_model")]
    path.write_bytes(whole)
    assert reload(client, site) == ("current", "")


def test_a_service_starts_without_its_models_folder(site: ServiceSite) -> None:
    expected = by(site, 6)
    with site.client("care", "north") as client:
        assert answer(client, site) == expected
    shutil.rmtree(site.site.models)
    with site.client("care", "north") as client:
        assert answer(client, site) == expected
        ready = client.get("/readyz")
        assert (ready.status_code, set(ready.json()["degraded"])) == (200, {"person_model", "place_model"})


def test_the_kept_copy_is_believed_no_more_than_the_models_folder(site: ServiceSite) -> None:
    assert answer(site.client("care", "north"), site) == by(site, 6)
    shutil.rmtree(site.site.models / NAME)
    kept = site.site.state / "last_good" / "person"
    flip(kept / "model.txt")
    assert answer(site.client("care", "north"), site)[0] == 503
    flip(kept / "model.txt")
    assert answer(site.client("care", "north"), site)[0] == 200
    (site.site.model_keys).write_text("[keys]\n")
    assert answer(site.client("care", "north"), site)[0] == 503


def test_an_old_signed_history_is_refused_after_a_restart_too(site: ServiceSite) -> None:
    expected = by(site, 6)
    assert answer(site.client("care", "north"), site) == expected
    pointer = site.site.models / NAME / "champion.json"
    pointer.write_text(json.dumps(json.loads(pointer.read_text())[:2]))
    client = site.client("care", "north")
    assert answer(client, site) == expected
    assert reload(client, site) == ("degraded", "CR-MODEL-006")


def test_another_model_does_not_answer_because_one_was_damaged(site: ServiceSite) -> None:
    """Where service.toml names none, the one promoted last answers; damaging it brings no older one back."""
    text = (site.site.path / "serving" / "service.toml").read_text()
    site.declare("service.toml", "\n".join(line for line in text.splitlines() if not line.startswith("person = ")))
    client = site.client("care", "north")
    assert answer(client, site) == by(site, 6)
    (site.site.models / NAME / "champion.json").write_text("{")
    assert reload(client, site)[0] == "degraded"
    assert answer(client, site)[1] == 6


# Harm in every way


def test_no_harm_is_accepted_and_the_last_good_model_goes_on(site: ServiceSite, tmp_path: Path) -> None:
    attacker = Attacker(site, tmp_path / "aside", seed=11)
    model = VerifiedModel(site.site.models, "person", NAME)
    good = model.bundle()
    kinds = len(attacker.kinds)
    for number in range(16 * kinds):
        kind = attacker.strike(number)
        model.refresh(anew=True)
        assert model.refusal is not None, (number, kind)
        assert model.bundle() is good, (number, kind)
        attacker.mend()
    model.refresh(anew=True)
    assert model.refusal is None


def test_a_real_service_survives_harm_of_every_kind(site: ServiceSite, tmp_path: Path) -> None:
    with real_server(site, tmp_path / "log") as server:
        done = corrupt(server, tmp_path / "aside", count=39, seed=3)
    assert (done.accepted, done.wrong, done.pid_changed, done.refused.total()) == ([], [], False, 39)


def test_swaps_under_load_are_clean(site: ServiceSite, tmp_path: Path) -> None:
    site.declare("service.toml", SERVICE + PATIENT)
    with real_server(site, tmp_path / "log") as server:
        done = swap_under_load(server, (5, 6), swaps=6, rate=50, pause=0.2)
    assert (set(done.statuses), done.mixed) == ({200}, 0)
    assert min(done.by_version[5], done.by_version[6]) > 0


class Marks:
    """Makes a file where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, (str(self.marker),)


def test_hostile_bundles_run_no_code(site: ServiceSite, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    poison, code = pickle.dumps(Marks(marker)), f"import os\nos.mkdir({str(marker)!r})\n"
    folder = site.site.models / NAME / "v6"

    def put(name: str, content: bytes | str) -> Callable[[], None]:
        def put_it() -> None:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

        return put_it

    hostile = {
        "a pickle as the model": put("model.txt", poison),
        "a pickle beside it": put("model.pkl", poison),
        "a loader module": put("MLmodel", "flavors:\n  python_function:\n    loader_module: evil\n"),
        "code that shadows": put("code/lightgbm.py", code),
        "a module": put("__init__.py", code),
        "a pickle as features": put("features.json", poison),
        "a pickle as the manifest": put("manifest.json", poison),
        "a pickle as the signature": put("manifest.sig", poison),
    }
    aside = Attacker(site, tmp_path / "aside", seed=1)
    client = site.client("care", "north")
    expected = answer(client, site)
    for name, put_it in hostile.items():
        put_it()
        assert reload(client, site)[0] == "degraded", name
        assert answer(client, site) == expected
        assert answer(site.client("care", "north"), site) == expected  # a start by the copy
        aside.mend()
    assert not marker.exists()
    pickle.loads(poison)
    assert marker.exists()  # it would have run


# Keys


def test_models_from_before_signatures_are_refused_with_a_way_out(
    site: ServiceSite, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = site.site.models / NAME
    for signature in folder.glob("v*/manifest.sig"):
        signature.unlink()
    entries = json.loads((folder / "champion.json").read_text())
    bare = [{key: entry[key] for key in ("version", "by", "at", "reason")} for entry in entries]
    (folder / "champion.json").write_text(json.dumps(bare))
    shutil.rmtree(site.site.state)
    where = ["--site", str(site.site.path)]
    assert answer(site.client("care", "north"), site)[0] == 503
    assert run(["score", *where]) == 4
    assert "crisisrisk model sign" in capsys.readouterr().err
    assert run(["model", "sign", NAME, "--by", "", "--reason", "x", *where]) == 1
    capsys.readouterr()
    assert run(["model", "sign", NAME, "--by", "A. Nowak (invented)", "--reason", "from before", *where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == 4
    assert answer(site.client("care", "north"), site) == by(site, 6)
    assert changes(site.site.models, NAME)[-1].reason == "from before"


def test_a_bundle_that_is_not_whole_is_signed_by_nobody(site: ServiceSite, capsys: pytest.CaptureFixture[str]) -> None:
    flip(site.site.models / NAME / "v5" / "model.txt")
    before = (site.site.models / NAME / "champion.json").read_bytes()
    where = ["--site", str(site.site.path), "--by", "x", "--reason", "x"]
    assert run(["model", "sign", NAME, *where]) == 4
    assert "model.txt: its digest differs" in capsys.readouterr().err
    assert (site.site.models / NAME / "champion.json").read_bytes() == before


def test_a_key_is_changed_without_a_gap(site: ServiceSite, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--site", str(site.site.path)]
    old = site.site.model_keys.read_text()
    assert run(["keys", "make-signing", *where]) == 3
    assert "--replace puts a new one in its place" in capsys.readouterr().err
    assert run(["keys", "make-signing", "--replace", *where, "--json"]) == 0
    new = json.loads(capsys.readouterr().out)["key_id"]
    assert new not in old
    client = site.client("care", "north")
    assert answer(client, site) == by(site, 6)  # the old key is still trusted
    commands.rollback(site.site, NAME, reason="signed by the new key", by="A. Nowak (invented)")
    assert reload(client, site) == ("current", "")
    assert changes(site.site.models, NAME)[-1].signature.startswith(new)
    lines = site.site.model_keys.read_text().splitlines(keepends=True)
    site.site.model_keys.write_text("".join(line for line in lines if not line.startswith('"') or new in line))
    assert reload(client, site) == ("degraded", "CR-MODEL-005")
    commands.sign(site.site, NAME, reason="by the new key", by="A. Nowak (invented)")
    assert reload(client, site) == ("current", "")
    assert answer(client, site) == by(site, 5)


def test_verify_says_who_signed(site: ServiceSite, capsys: pytest.CaptureFixture[str]) -> None:
    folder = site.site.models / NAME / "v6"
    assert run(["model", "verify", str(folder)]) == 0  # by the keys of the site that it lies in
    assert "signed with " in capsys.readouterr().out
    (folder / "manifest.sig").unlink()
    assert run(["model", "verify", str(folder)]) == 4
    assert "CR-MODEL-005" in capsys.readouterr().err
    assert run(["model", "verify", str(folder), "--unsigned", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["signed_by"] == ""


def test_a_service_needs_no_secret_key(site: ServiceSite) -> None:
    site.site.signing_key.unlink()
    assert answer(site.client("care", "north"), site) == by(site, 6)


def test_another_sites_models_do_not_answer(site: ServiceSite) -> None:
    site.site.model_keys.unlink()
    site.site.signing_key.unlink()
    make_signing_key(site.site)
    assert answer(site.client("care", "north"), site)[0] == 503


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for as long as a busy machine may need."""
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until, "it never came to hold"
        time.sleep(0.1)
