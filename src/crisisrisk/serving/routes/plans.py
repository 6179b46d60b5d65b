"""Plans of a shift: made from its stored forecast, changed by a coordinator with a reason, and reviewed afterwards."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from fastapi import APIRouter

from crisisrisk.database.latest import StoredShift
from crisisrisk.database.plans import (
    KeptPost,
    PlanInUse,
    StoredOverride,
    StoredPlan,
    plan_in_use,
    plans_of,
    posts_of,
    save_override,
    use_plan,
)
from crisisrisk.database.shift_notes import notes_of
from crisisrisk.errors import DataError, UsageError
from crisisrisk.positioning.care import STANDING, sites_of_kinds
from crisisrisk.positioning.left_out import LeftOut
from crisisrisk.positioning.override import Override
from crisisrisk.positioning.question import CODE, TARGETS
from crisisrisk.positioning.replay import Played
from crisisrisk.positioning.site_names import SiteNames
from crisisrisk.serving.access import PlanViewer, Viewer
from crisisrisk.serving.afterwards import FORECAST_AFTERWARDS, made_afterwards
from crisisrisk.serving.asked import AdjustmentAsked, AnyAdjustment, NoteAsked, PlanChosen, PositionsAsked, PostAsked
from crisisrisk.serving.briefing import PLACES
from crisisrisk.serving.examples import ADJUSTMENT, NOT_NOW, POSITIONS, REVIEW, answered
from crisisrisk.serving.forecasts import Said, horizon_days, newest_forecast, shift_forecast, stored_shift
from crisisrisk.serving.further_plans import chosen, further_plan
from crisisrisk.serving.kept_plans import left_out
from crisisrisk.serving.noting import added, listed, note_shown, noted
from crisisrisk.serving.overriding import PlanToChange, named
from crisisrisk.serving.plan_answers import Adjustment, NoteKept, Positions, PostShown, Review, Stood, post_shown
from crisisrisk.serving.planning import ShiftToPlan, kept_plan, one_of_few
from crisisrisk.serving.problems import NoAnswerError, nothing_here
from crisisrisk.serving.reviewing import ShiftReviewed
from crisisrisk.serving.routes import API
from crisisrisk.serving.routes.places import ShiftId
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.wording import (
    CANNOT_WEIGH,
    LIVE_CALLS_FIRST,
    NOT_ALL_RECORDED,
    NOT_OUT_THEN,
    NOT_WEIGHED,
    PLAYED_AGAIN,
    SITE_TAKES_NOBODY,
    TOO_LATE_TO_USE,
    Freshness,
    in_minutes,
)

plans = APIRouter(prefix=API, tags=["plans"])

AS_USUAL = "as usual"
Span = tuple[datetime, datetime]


@plans.post("/shifts/{id}/positions", summary="Where teams should stand in a shift", responses=answered(POSITIONS))
def positions(shift_id: ShiftId, viewer: PlanViewer, asked: PositionsAsked, service: ServiceOf) -> Positions:
    """Up to three plans from the newest forecast as it was issued; the first is the one to follow. All are kept.

    With `use` the first is the plan of the shift from then on; else they are an answer to a question, and no more.
    """
    stored, cells = newest_forecast(service, shift_id)
    if asked.use and service.now() >= stored.end:
        raise NoAnswerError("CR-HTTP-409", TOO_LATE_TO_USE)
    to_plan = ShiftToPlan(service, stored, cells)
    plan = kept_plan(to_plan, asked, made_by=viewer.key_id, role=viewer.role_name)
    return positions_said(service, stored, plan, in_use=asked.use)


@plans.put(
    "/shifts/{id}/plan", summary="Use a plan that was made: it is the plan of the shift from then on",
    responses={**answered(POSITIONS), **NOT_NOW},
)  # fmt: skip
def use(shift_id: ShiftId, viewer: PlanViewer, asked: PlanChosen, service: ServiceOf) -> Positions:
    """The board, the briefing and the review have it from then on; a change that it had before counts no more.

    Of plans that were made at once any can be used: `which`.
    """
    stored, _ = newest_forecast(service, shift_id)
    plan, now = _plan(service, shift_id, asked.plan), service.now()
    if now >= stored.end:
        raise NoAnswerError("CR-HTTP-409", TOO_LATE_TO_USE)
    if asked.which == 1:
        use_plan(service.engine, plan.number, made_at=now, made_by=viewer.key_id, role=viewer.role_name)
    else:
        posts, why = posts_of(further_plan(plan, asked.which)["posts"]), chosen(plan, asked.which)
        save_override(
            service.engine,
            StoredOverride(plan=plan.number, posts=posts, reason=why, made_at=now, made_by=viewer.key_id,
                           role=viewer.role_name),
        )  # fmt: skip
    return positions_said(service, stored, plan, in_use=True)


def positions_said(service: Service, stored: StoredShift, plan: StoredPlan, *, in_use: bool) -> Positions:
    """A plan as it is answered, with what its forecast says of itself."""
    basis = Freshness(service.settings).basis(stored.run, ranged=stored.total is not None)
    said = Said(service, service.now()).about(stored, released=False)
    return Positions(
        **{**service.view().site_names.beside(plan.answer), **basis,
           "caveats": [*basis["caveats"], *said, LIVE_CALLS_FIRST], "shift": stored_shift(stored, None)},
        horizon_days=horizon_days(stored), valid_until=stored.run.meta.valid_until, reference=f"P-{plan.number}",
        forecast=f"S-{plan.run}", made_at=plan.made_at, in_use=in_use,
    )  # fmt: skip


@plans.post(
    "/shifts/{id}/adjustments", summary="Stand elsewhere than a plan says; note something; set a place aside or add it",
    responses={**answered(ADJUSTMENT), **NOT_NOW},
)  # fmt: skip
def adjustments(
    shift_id: ShiftId, viewer: PlanViewer, asked: AnyAdjustment, service: ServiceOf
) -> Adjustment | NoteKept:  # fmt: skip
    """What a coordinator decided, kept with the reason. Forecast and plan stay as they were; after the shift it is
    hindsight. A plan that is changed is the plan of the shift from then on, whichever it was before."""
    if isinstance(asked, NoteAsked):
        return note_shown(noted(service, viewer, shift_id, asked))
    return changed_plan(service, viewer, shift_id, asked)


def changed_plan(service: Service, viewer: Viewer, shift_id: str, asked: AdjustmentAsked) -> Adjustment:
    """A coordinator's posts in place of a plan's. The plan, so changed, is the plan of the shift from then on.

    Raises NoAnswerError, and UsageError for posts that cannot be.
    """
    now, plan = service.now(), _plan(service, shift_id, asked.plan)
    if now >= plan.shift_end:
        raise NoAnswerError("CR-HTTP-409", "this shift is over: a change of its plan comes too late")
    posts = _posts(asked, plan)
    decided = Override(shift_id=shift_id, plan=named(plan.posts), posts=named(posts), reason=asked.reason)
    care = service.view().snapshot.table("sites_of_care")
    names = service.view().site_names
    _require_possible(plan, posts, sites_of_kinds(care, STANDING).points.ids, names)
    out = left_out(service.engine, care, plan.shift_start, plan.shift_end)
    covers, plan_covers, left = _weighed(service, shift_id, plan, posts)
    kept = save_override(
        service.engine,
        StoredOverride(plan=plan.number, posts=posts, reason=asked.reason, made_at=now, made_by=viewer.key_id,
                       role=viewer.role_name),
    )  # fmt: skip
    return Adjustment(
        reference=f"A-{kept.number}", plan=f"P-{plan.number}", kind=asked.kind, shift=shift_id,
        posts=[post_shown(post, names) for post in posts],
        changed=[PostShown(**names.beside(post.as_json())) for post in decided.changed],
        reason=kept.reason, made_at=now, made_by=kept.made_by, role=kept.role,
        covers=covers, plan_covers=plan_covers,
        caveats=[
            *(_full(one, names) for one in out if one.site in {post.site_id for post in posts}),
            *(_not_out(post, names) for post in posts if not _is_out(plan, post)),
            *left,
            LIVE_CALLS_FIRST,
        ],
    )  # fmt: skip


@plans.get(
    "/shifts/{id}/review", summary="A shift that is over: what came, and what its plan would have reached",
    responses={**answered(REVIEW), **NOT_NOW},
)  # fmt: skip
def review(shift_id: ShiftId, _viewer: PlanViewer, service: ServiceOf) -> Review:
    """The contacts that came beside the forecast; the plan, its last change and the usual places, played with them."""
    stored, cells = newest_forecast(service, shift_id)
    now = service.now()
    if now < stored.end:
        raise NoAnswerError("CR-HTTP-409", "this shift is not over", hint=f"ask after {in_minutes(stored.end)}")
    used = plan_in_use(service.engine, shift_id, before=stored.end)
    plan = None if used is None else used.plan
    reviewed = ShiftReviewed(ShiftToPlan(service, stored, cells), service.place_model.bundle().task)
    notes = notes_of(service.engine, shift_id)
    highest = listed(cells, notes, PLACES + len(added(notes)))
    with one_of_few(service):
        contacts, stood = reviewed.contacts, [] if used is None else _stood(reviewed, used)
    said = Said(service, now)
    afterwards = [FORECAST_AFTERWARDS] if made_afterwards(said.answering, stored.run.meta) else []
    complete_to = service.view().complete_to
    late = [NOT_ALL_RECORDED.format(source=source, until=in_minutes(moment))
            for source, moment in sorted(complete_to.items()) if moment < stored.end]  # fmt: skip
    return Review(
        shift=stored_shift(stored, shift_forecast(said, stored, released=False)), contacts=contacts,
        places=reviewed.places({cell.place_id for cell in highest}),
        plan=None if plan is None else f"P-{plan.number}", stood=stood, as_of=now, data_complete_to=dict(complete_to),
        travel=None if plan is None else reviewed.travel,
        at_scene_minutes=None if plan is None else reviewed.at_scene_minutes(float(plan.answer["hours_each"])),
        caveats=[service.settings.phrases.caveats["outcome"], *late, *([PLAYED_AGAIN] if stood else []), *afterwards],
    )  # fmt: skip


def _weighed(
    service: Service, shift_id: str, plan: StoredPlan, posts: Sequence[KeptPost]
) -> tuple[float | None, float | None, list[str]]:
    """What posts cover, what the plan covers, and the rules that they leave. Nothing of it stands in the way."""
    change = PlanToChange(ShiftToPlan(service, *newest_forecast(service, shift_id)), plan)
    try:
        with one_of_few(service):
            return (*change.shares(posts), change.caveats(posts))
    except NoAnswerError:
        return None, None, [NOT_WEIGHED]
    except (UsageError, DataError) as wrong:  # as where nowhere is open: the change is kept all the same
        return None, None, [CANNOT_WEIGH.format(why=wrong.problem)]


def _plan(service: Service, shift_id: str, reference: str | None) -> StoredPlan:
    """The plan of a shift that is named, or the one in use. Raises NoAnswerError where there is none."""
    found = plans_of(service.engine, shift_id) if shift_id.isprintable() else []
    if not found:
        raise NoAnswerError(
            "CR-HTTP-404", "no plan was made for this shift", hint="POST /api/v1/shifts/{id}/positions makes one"
        )
    if reference is None:
        used = plan_in_use(service.engine, shift_id)
        if used is None:
            raise NoAnswerError(
                "CR-HTTP-404",
                "no plan was chosen for this shift",
                hint=f'name the one that is meant: "P-{found[0].number}"',
            )
        return used.plan
    named = [plan for plan in found if f"P-{plan.number}" == reference]
    if not named:
        raise nothing_here()
    return named[0]


def _posts(asked: AdjustmentAsked, plan: StoredPlan) -> tuple[KeptPost, ...]:
    """The posts asked for; where no time is said for as long as the plan has the team out."""
    return tuple(kept for post in asked.posts for kept in _kept(post, _out(plan, post.team)))


def _kept(post: PostAsked, out: Sequence[Span]) -> list[KeptPost]:
    spans = out if post.start is None and post.end is None else [(post.start or out[0][0], post.end or out[-1][1])]
    return [KeptPost(team=post.team, site_id=post.site_id, start=start, end=end) for start, end in spans]


def _out(plan: StoredPlan, team: str) -> Sequence[Span]:
    """When the plan has a team out, in order of time; the whole shift for a team that is not in it."""
    found: list[Span] = []
    for post in sorted((one for one in plan.posts if one.team == team), key=lambda one: one.start):
        if found and found[-1][1] == post.start:
            found[-1] = (found[-1][0], post.end)
        else:
            found.append((post.start, post.end))
    return found or [(plan.shift_start, plan.shift_end)]


def _is_out(plan: StoredPlan, post: KeptPost) -> bool:
    return any(start <= post.start and post.end <= end for start, end in _out(plan, post.team))


def _not_out(post: KeptPost, names: SiteNames) -> str:
    span = {"start": in_minutes(post.start), "end": in_minutes(post.end)}
    return NOT_OUT_THEN.format(team=post.team, site=names.label(post.site_id), **span)


def _full(out: LeftOut, names: SiteNames) -> str:
    site, until = names.label(out.site), in_minutes(out.until)
    return SITE_TAKES_NOBODY.format(site=site, state=out.state, until=until, reason=out.reason)


def _require_possible(
    plan: StoredPlan, posts: tuple[KeptPost, ...], standing: Sequence[str], names: SiteNames
) -> None:  # fmt: skip
    """Raise UsageError for a site where nobody can stand, posts outside of the shift, and a team at two at once."""
    if unknown := [post.site_id for post in posts if post.site_id not in standing]:
        raise UsageError(
            CODE, f'there is no site "{unknown[0]}" to stand at', found=unknown[0], wanted=", ".join(sorted(standing))
        )
    if outside := [post for post in posts if post.start < plan.shift_start or post.end > plan.shift_end]:
        raise UsageError(
            CODE, "a post is outside of the shift", found=_said(outside[0], names),
            wanted=f"from {in_minutes(plan.shift_start)} to {in_minutes(plan.shift_end)}",
        )  # fmt: skip
    in_order = sorted(posts, key=lambda post: (post.team, post.start))
    both = [pair for pair in pairwise(in_order) if pair[0].team == pair[1].team and pair[1].start < pair[0].end]
    if both:
        raise UsageError(
            CODE, "a team cannot stand at two sites at once", found="; ".join(_said(one, names) for one in both[0]),
            wanted="posts of a team one after the other",
        )  # fmt: skip


def _said(post: KeptPost, names: SiteNames) -> str:
    return f"{post.team} at {names.both(post.site_id)} from {in_minutes(post.start)} to {in_minutes(post.end)}"


def _stood(reviewed: ShiftReviewed, used: PlanInUse) -> list[Stood]:
    """The plan first, then what was changed of it, then everybody at their usual place where that is another plan."""
    plan = used.plan
    hours_each = float(plan.answer["hours_each"])
    usual = [one for one in plan.answer["plans"] if one["name"] == AS_USUAL]
    changed = [] if used.override is None else [used.override]
    ways: list[tuple[str, str, str, tuple[KeptPost, ...]]] = [
        ("plan", f"P-{plan.number}", str(plan.answer["plans"][0]["reason"]), plan.posts),
        *(("override", f"A-{one.number}", one.reason, one.posts) for one in changed),
        *((AS_USUAL, f"P-{plan.number}", str(one["reason"]), posts_of(one["posts"])) for one in usual),
    ]
    played = [reviewed.stood(posts, hours_each=hours_each) for *_, posts in ways]
    names = reviewed.to_plan.service.view().site_names
    return [_stood_said(way, one, played[0], names) for way, one in zip(ways, played, strict=True)]


def _stood_said(
    way: tuple[str, str, str, tuple[KeptPost, ...]], one: Played, of_plan: Played, names: SiteNames
) -> Stood:  # fmt: skip
    name, reference, reason, posts = way
    in_time, by_plan = (
        {f"{minutes:g}": int((some.response <= minutes).sum()) for minutes in TARGETS} for some in (one, of_plan)
    )
    total = len(one.night)
    return Stood(
        name=name, reference=reference, reason=reason, posts=[post_shown(post, names) for post in posts],
        in_time=in_time,
        share={minutes: count / total if total else None for minutes, count in in_time.items()},
        gained={minutes: count - by_plan[minutes] for minutes, count in in_time.items()},
        waited=int((one.waited > 0).sum()),
    )  # fmt: skip
