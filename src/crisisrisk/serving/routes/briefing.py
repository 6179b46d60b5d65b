"""The briefing of a shift: true counts on the board, and a page to print, which is a release."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from crisisrisk.serving.access import PlanViewer
from crisisrisk.serving.briefing import PLACES, Brief, brief_of
from crisisrisk.serving.examples import BRIEFING, answered
from crisisrisk.serving.forecasts import Said, horizon_days, hotspot, shift_forecast, stored_shift
from crisisrisk.serving.noting import note_shown
from crisisrisk.serving.plan_answers import Briefing, ChangeBriefed, LeftOutShown, PlanBriefed, post_shown
from crisisrisk.serving.routes import API
from crisisrisk.serving.routes.places import ShiftId
from crisisrisk.serving.sheet import SHEET_POLICY, Sheet
from crisisrisk.serving.sheet_content import sheet_of
from crisisrisk.serving.state import ServiceOf
from crisisrisk.serving.wording import Freshness

briefings = APIRouter(prefix=API, tags=["plans"])


class BriefingQuery(BaseModel):
    """In what form."""

    model_config = ConfigDict(extra="forbid")

    f: Literal["json", "text", "html"] = Field("json", description="`text` and `html`: a page to print, a release.")


@briefings.get(
    "/shifts/{id}/briefing", summary="A shift on one page", response_model=Briefing, responses=answered(BRIEFING)
)
def briefing(
    shift_id: ShiftId, _viewer: PlanViewer, query: Annotated[BriefingQuery, Query()], service: ServiceOf
) -> Briefing | PlainTextResponse | HTMLResponse:
    """The newest forecast, the last plan as a coordinator left it, and the sites that are full or closed."""
    brief = brief_of(service, shift_id)
    if query.f == "json":
        return _on_the_board(brief)
    sheet = sheet_of(brief, service.settings.site.time_zone)
    return PlainTextResponse(sheet.as_text() + "\n") if query.f == "text" else _printable(sheet)


def _printable(sheet: Sheet) -> HTMLResponse:
    return HTMLResponse(sheet.as_html(), headers={"Content-Security-Policy": SHEET_POLICY})


def _on_the_board(brief: Brief) -> Briefing:
    stored, service = brief.stored, brief.service
    basis = Freshness(service.settings).basis(stored.run, ranged=stored.total is not None)
    forecast = shift_forecast(Said(service, service.now()), stored, released=False)
    return Briefing(
        **{**basis, "caveats": brief.caveats(released=False)}, horizon_days=horizon_days(stored),
        valid_until=stored.run.meta.valid_until, reference=f"S-{stored.run.number}",
        headline=brief.headline(released=False), shift=stored_shift(stored, forecast),
        places=[hotspot(cell) for cell in brief.cells[:PLACES]], plan=_plan(brief),
        left_out=[LeftOutShown(**brief.names.beside(one.as_json())) for one in brief.out],
        notes=[note_shown(one) for one in brief.notes],
    )  # fmt: skip


def _plan(brief: Brief) -> PlanBriefed | None:
    plan, change = brief.plan, brief.override
    if plan is None:
        return None
    return PlanBriefed(
        reference=f"P-{plan.number}", forecast=f"S-{plan.run}", made_at=plan.made_at,
        reason=plan.answer["plans"][0]["reason"], expected_coverage=plan.answer["expected_coverage"],
        target_minutes=plan.answer["target_minutes"], posts=[post_shown(post, brief.names) for post in brief.posts],
        by_telephone=brief.by_telephone,
        changed=None if change is None else ChangeBriefed(
            reference=f"A-{change.number}", reason=change.reason, made_at=change.made_at
        ),
    )  # fmt: skip
