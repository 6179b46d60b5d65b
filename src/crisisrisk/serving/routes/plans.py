"""Plans of a shift: made from its stored forecast, and changed by a coordinator with a reason."""

from fastapi import APIRouter

from crisisrisk.database.latest import StoredShift
from crisisrisk.database.plans import StoredPlan
from crisisrisk.serving.access import PlanViewer
from crisisrisk.serving.asked import PositionsAsked
from crisisrisk.serving.examples import POSITIONS, answered
from crisisrisk.serving.forecasts import Said, horizon_days, newest_forecast, stored_shift
from crisisrisk.serving.plan_answers import Positions
from crisisrisk.serving.planning import ShiftToPlan, kept_plan
from crisisrisk.serving.routes import API
from crisisrisk.serving.routes.places import ShiftId
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.wording import LIVE_CALLS_FIRST, Freshness

plans = APIRouter(prefix=API, tags=["plans"])


@plans.post("/shifts/{id}/positions", summary="Where teams should stand in a shift", responses=answered(POSITIONS))
def positions(shift_id: ShiftId, viewer: PlanViewer, asked: PositionsAsked, service: ServiceOf) -> Positions:
    """Up to three plans from the newest forecast as it was issued; the first is the one to follow. Each is kept."""
    stored, cells = newest_forecast(service, shift_id)
    to_plan = ShiftToPlan(service, stored, cells)
    plan, _ = kept_plan(to_plan, asked, made_by=viewer.key_id, role=viewer.role_name)
    return positions_said(service, stored, plan)


def positions_said(service: Service, stored: StoredShift, plan: StoredPlan) -> Positions:
    """A plan as it is answered, with what its forecast says of itself."""
    basis = Freshness(service.settings).basis(stored.run, ranged=stored.total is not None)
    said = Said(service, service.now()).about(stored, released=False)
    return Positions(
        **{**plan.answer, **basis, "caveats": [*basis["caveats"], *said, LIVE_CALLS_FIRST],
           "shift": stored_shift(stored, None)},
        horizon_days=horizon_days(stored), valid_until=stored.run.meta.valid_until, reference=f"P-{plan.number}",
        forecast=f"S-{plan.run}", made_at=plan.made_at,
    )  # fmt: skip
