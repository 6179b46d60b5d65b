"""The promotion gate through its real path: bad candidates are refused, each for its own reason; a good one passes."""

import json
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from tests.lib.candidates import Candidates
from tests.lib.gate_site import FEATURES, RECIPE, WEEKS, make_gate_site

from crisisrisk.commands.keys import create_key
from crisisrisk.commands.model import Decision, list_models, promote, rollback
from crisisrisk.commands.model_diff import diff
from crisisrisk.commands.promotion import read_candidate, run_checks
from crisisrisk.commands.score import score
from crisisrisk.commands.train import train
from crisisrisk.database.engine import open_engine
from crisisrisk.database.upgrade import upgrade
from crisisrisk.errors import GateError, NotPromotedError, UsageError
from crisisrisk.models.champions import champion
from crisisrisk.models.registry import registered_versions
from crisisrisk.scoring.registers import teams_at
from crisisrisk.serving.app import create_app
from crisisrisk.serving.settings import read_settings
from crisisrisk.tables.store import Store
from crisisrisk.timeline import microseconds

pytestmark = pytest.mark.slow
AGREED = Decision(reason="agreed on 20 Nov", by="A. Nowak (invented)")


@pytest.fixture(scope="module")
def candidates(tmp_path_factory):
    return Candidates(make_gate_site(tmp_path_factory.mktemp("gate") / "site"))


@pytest.fixture(scope="module")
def good(candidates):
    """The good candidate, promoted: it passed every check."""
    return promote(candidates.site, candidates.good(), AGREED)


def refused(candidates, bad):
    """How a bad candidate is refused; each is made and tried once."""
    if bad not in candidates.refusals:
        before = [one.version for one in registered_versions(candidates.site.mlflow_tracking_uri)]
        with pytest.raises(NotPromotedError) as caught:
            promote(candidates.site, getattr(candidates, bad)(), AGREED)
        # Nothing is half registered, and who answered still answers.
        assert [one.version for one in registered_versions(candidates.site.mlflow_tracking_uri)] == before
        assert champion(candidates.site.models, "person").manifest.version == 1
        candidates.refusals[bad] = caught.value
    return candidates.refusals[bad]


def test_a_good_candidate_passes_every_check(candidates, good):
    assert (good.version, good.accepted) == (1, ())
    names = {check.partition(":")[0] for check in good.checks}
    assert names == {
        "baselines",
        "calibration",
        "subgroups",
        "champion",
        "leakage",
        "recipe",
        "freshness",
        "reproduction",
        "suspicion",
    }
    promotion = champion(candidates.site.models, "person").manifest.promotion
    assert (promotion.by, promotion.reason, promotion.accepted) == (AGREED.by, AGREED.reason, ())
    assert promotion.account


@pytest.mark.parametrize(
    ("bad", "check", "code", "says"),
    [
        ("shuffled_labels", "baselines", "CR-GATE-002", "against five_factor_regression"),
        ("one_subgroup_failing", "subgroups", "CR-GATE-003", "expected ÷ observed"),
        ("uncalibrated", "calibration", "CR-GATE-003", "calibration slope"),
        ("stale", "freshness", "CR-GATE-007", "end 90 days before the site's clock, wanted at most 60 days"),
        ("fewer_features", "recipe", "CR-GATE-006", "1 of 11 columns are missing: is_female"),
        ("constant", "baselines", "CR-GATE-002", "against crisis_contacts_in_365_days"),
        ("swapped_columns", "reproduction", "CR-GATE-008", "come out otherwise on the site's data"),
    ],
)
def test_a_bad_candidate_is_refused_for_its_own_reason(candidates, good, bad, check, code, says):
    refusal = refused(candidates, bad)
    assert check in refusal.checks
    told = [one for one in refusal.failures if one.code == code]
    assert any(says in one.problem for one in told), refusal.rendered()
    assert "the champion (v1) still answers" in refusal.rendered()


@pytest.mark.parametrize(
    ("bad", "only"),
    [("stale", {"freshness"}), ("fewer_features", {"recipe"}), ("uncalibrated", {"calibration", "subgroups"})],
)
def test_other_checks_are_not_blamed(candidates, good, bad, only):
    refusal = refused(candidates, bad)
    assert set(refusal.checks) <= only, refusal.rendered()


def test_the_failing_subgroup_is_named(candidates, good):
    refusal = refused(candidates, "one_subgroup_failing")
    assert "calibration" not in refusal.checks
    assert any("sex female" in (one.where or "") for one in refusal.failures)


def test_a_leak_is_refused_and_nobody_may_answer_for_it(tmp_path):
    leaking = Candidates(make_gate_site(tmp_path / "site", people=120, leaking=True))
    run_id = leaking.good()
    with pytest.raises(NotPromotedError) as caught:
        promote(leaking.site, run_id, AGREED)
    assert {"leakage", "suspicion"} <= set(caught.value.checks)
    (told,) = (one for one in caught.value.failures if one.code == "CR-GATE-005")
    assert "alone ranks at AUROC" in told.problem
    with pytest.raises(GateError) as never:
        promote(leaking.site, run_id, Decision(reason="r", by="b", accepted=("leakage",), because="we know"))
    assert (never.value.code, never.value.found) == ("CR-GATE-009", "leakage")
    # The audit of the same columns and data is kept: the second refusal reads it again.
    kept = list((leaking.site.reports / "feature-audits").glob("*.json"))
    assert [json.loads(path.read_text())["passed"] for path in kept] == [False]


@pytest.mark.parametrize("missing", [{"reason": "  "}, {"by": ""}])
def test_a_promotion_needs_a_reason_and_a_name(candidates, good, missing):
    with pytest.raises(GateError) as caught:
        promote(candidates.site, good.run_id, Decision(**{"reason": "r", "by": "b", **missing}))
    assert caught.value.code == "CR-GATE-001"
    with pytest.raises(GateError):
        rollback(candidates.site, "person_crisis_28d", **{"reason": "r", "by": "b", **missing})


def test_an_exception_needs_a_reason_of_its_own(candidates, good):
    with pytest.raises(GateError) as caught:
        promote(candidates.site, good.run_id, Decision(reason="r", by="b", accepted=("calibration",)))
    assert caught.value.code == "CR-GATE-009"


def test_from_losing_to_a_simple_rule_there_is_no_exception(candidates, good):
    with pytest.raises(GateError) as caught:
        promote(candidates.site, good.run_id, Decision(**vars(AGREED) | {"accepted": ("baselines",), "because": "why"}))
    assert (caught.value.code, caught.value.found) == ("CR-GATE-009", "baselines")
    assert "--baseline" in caught.value.hint


# Limits


LOOSE = "slope_at_least = 0.5\nslope_at_most = 2.0\nexpected_over_observed = 2.0\n"


@pytest.fixture(scope="module")
def loose(candidates, good, tmp_path_factory):
    """A recipe of the same name that lies elsewhere and asks for less, and an uncalibrated model of it."""
    path = tmp_path_factory.mktemp("elsewhere") / "mine.toml"
    path.write_text(RECIPE.replace("[gate]\n", f"[gate]\n{LOOSE}"))
    path.with_name("person.toml").write_text(FEATURES)
    mine = Candidates(candidates.site, recipe=path)
    return mine, path


def test_a_candidate_does_not_bring_its_own_limits(loose):
    mine, path = loose
    assert mine.recipes.training.gate.slope_at_least == 0.5
    run_id = mine.uncalibrated()
    with pytest.raises(NotPromotedError) as caught:
        promote(mine.site, run_id, AGREED, recipe=path)
    told = [one.problem for one in caught.value.failures if one.code == "CR-GATE-003"]
    assert any("calibration slope" in problem and problem.endswith("wanted 0.80 to 1.20") for problem in told)
    assert {"declared", "calibration"} <= set(caught.value.checks)
    assert "recipe" not in caught.value.checks


def test_a_recipe_from_elsewhere_is_an_exception_that_stays_with_the_model(loose):
    mine, path = loose
    run_id = mine.good()
    with pytest.raises(NotPromotedError) as caught:
        promote(mine.site, run_id, AGREED, recipe=path)
    assert caught.value.checks == ("declared",)
    assert [one.code for one in caught.value.failures] == ["CR-GATE-010"]
    decision = Decision(reason="a trial", by="B. Nobody", accepted=("declared",), because="tried here first")
    made = promote(mine.site, run_id, decision, recipe=path)
    assert made.accepted == ("declared",)
    promotion = champion(mine.site.models, "person").manifest.promotion
    assert (promotion.accepted, promotion.because) == (("declared",), "tried here first")
    assert any(check.startswith("declared: FAILED") for check in promotion.checks)
    rollback(mine.site, "person_crisis_28d", reason="the trial is over", by="B. Nobody")


def test_data_are_as_old_as_the_last_outcomes_that_came_not_as_the_training(tmp_path):
    """By the system's clock, with a crisis line that has sent nothing for a hundred days while the others go on."""
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    silent = {"begins": now - timedelta(days=7 * WEEKS + 1), "silent_from": now - timedelta(days=100)}
    mine = Candidates(make_gate_site(tmp_path / "site", people=80, clock="system", **silent))
    found = run_checks(mine.site, read_candidate(mine.site, mine.good()), recipe=None, tell=lambda _: None)
    (fresh,) = (check for check in found if check.name == "freshness")
    assert not fresh.passed
    days = int(re.search(r"end (\d+) days before", fresh.found)[1])
    assert 100 <= days <= 108  # a list stands on each Monday


def _wait_until_answers(client, headers, *, version):
    """A changed model is verified beside the one that answers: the swap takes a moment, and no restart."""
    until = time.monotonic() + 30
    while client.get("/api/v1/caseloads/north", headers=headers).json()["model"]["version"] != version:
        assert time.monotonic() < until, f"version {version} does not answer"
        time.sleep(0.1)


def test_a_rule_is_served_then_rolled_back_to_without_a_restart(tmp_path, request):
    """The rule answers first, then trees; soon after a rollback the rule answers again."""
    site = make_gate_site(tmp_path / "site", people=120)
    _serve(site)
    rule = train(site, "person", None, baseline="five_factor_regression", tell=lambda _: None)
    decision = Decision(
        reason="until there is more", by="B. Nobody", accepted=("calibration", "subgroups"), because="few people"
    )
    first = promote(site, rule.run_id, decision)
    assert any("need not beat the others" in check for check in first.checks)
    assert champion(site.models, "person").manifest.baseline == "five_factor_regression"
    scored = score(site, as_of=None, out=None)
    person = scored.scores.top(1)[0]
    assert person["reasons"]
    app = create_app(read_settings(site, {}))
    app.state.service.start()
    request.addfinalizer(app.state.service.stop)
    client = TestClient(app)
    headers = {
        "Authorization": f"Bearer {create_key(site, role='care', team='north', valid_for=timedelta(days=1)).secret}"
    }
    listed = client.get("/api/v1/caseloads/north", headers=headers).json()
    assert listed["model"]["version"] == 1
    trees = Candidates(site)
    promote(site, trees.good(), Decision(reason="r", by="B. Nobody", accepted=("calibration", "subgroups"),
                                         because="few people"))  # fmt: skip
    rescored = score(site, as_of=None, out=None)
    _the_difference_is_that_of_the_lists(site, scored.scores.frame, rescored.scores.frame)
    _wait_until_answers(client, headers, version=2)
    started = time.monotonic()
    back = rollback(site, "person_crisis_28d", reason="wrong codes", by="B. Nobody")
    assert time.monotonic() - started < 5
    assert back.version == 1
    _wait_until_answers(client, headers, version=1)
    assert [(one.version, one.answers) for one in list_models(site)] == [(2, False), (1, True)]
    assert [one.version for one in registered_versions(site.mlflow_tracking_uri) if one.champion] == [1]
    with pytest.raises(UsageError):
        rollback(site, "nothing", reason="r", by="b")


def _serve(site):
    (site.path / "serving").mkdir(exist_ok=True)
    (site.path / "serving" / "service.toml").write_text(
        '[person_scores]\non = true\nclinical_safety_officer = "Nobody"\nimpact_assessment = "none"\n'
    )
    upgrade(open_engine(site.database_url))


def _the_difference_is_that_of_the_lists(site, before, after):
    """`model diff` names exactly those whom scoring itself would put on the list or take off it."""
    found = diff(site, "1", "v2", tell=lambda _: None)
    assert [team.team for team in found.teams] == ["north", "south"]
    teams = teams_at(Store(site).snapshot().table("caseloads"), microseconds(found.as_of))

    def listed(frame, team):
        scored = frame[frame["state"] == "scored"]
        return [one for one in scored["person_id"] if teams.get(one) == team][:5]

    for team in found.teams:
        was, now = listed(before, team.team), listed(after, team.team)
        assert [move.person_id for move in team.enters] == [one for one in now if one not in was]
        assert [move.person_id for move in team.leaves] == [one for one in was if one not in now]
        assert (team.length, team.stays) == (5, len(set(was) & set(now)))
    moved = [move for team in found.teams for move in (*team.enters, *team.leaves)]
    assert moved
    assert all(move.because for move in moved)
    chances = dict(zip(after["person_id"], after["probability"], strict=True))
    assert all(move.after == pytest.approx(chances[move.person_id]) for move in moved)
    assert "north: " in found.as_text()
    json.dumps(found.as_json())
