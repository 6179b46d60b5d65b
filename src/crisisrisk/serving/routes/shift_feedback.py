"""Whether forecasts of shifts were useful, as their crisis teams say it."""

from fastapi import APIRouter

from crisisrisk.database.feedback import KeptShiftFeedback, feedback_on_shift, save_shift_feedback
from crisisrisk.serving.access import PlanViewer
from crisisrisk.serving.asked_care import ShiftFeedbackAsked
from crisisrisk.serving.care_answers import ShiftFeedbackGiven, ShiftFeedbackList
from crisisrisk.serving.care_examples import SHIFT_FEEDBACK, SHIFT_FEEDBACK_LIST
from crisisrisk.serving.examples import answered
from crisisrisk.serving.forecasts import newest_forecast
from crisisrisk.serving.problems import too_much
from crisisrisk.serving.routes import API
from crisisrisk.serving.routes.places import ShiftId
from crisisrisk.serving.state import ServiceOf

shift_feedback = APIRouter(prefix=API, tags=["plans"])


@shift_feedback.post(
    "/shifts/{id}/feedback", summary="Say whether a forecast was useful", status_code=201,
    responses=answered(SHIFT_FEEDBACK, 201),
)  # fmt: skip
def give(shift_id: ShiftId, viewer: PlanViewer, asked: ShiftFeedbackAsked, service: ServiceOf) -> ShiftFeedbackGiven:
    """The newest forecast of the shift as a whole, or one place of it."""
    stored, cells = newest_forecast(service, shift_id)
    if asked.place_id is not None and asked.place_id not in {cell.place_id for cell in cells}:
        raise too_much("place_id", "a place of this forecast")
    made = save_shift_feedback(
        service.engine, shift_id=shift_id, run_id=stored.run.number, place_id=asked.place_id, verdict=asked.verdict,
        words=asked.words, made_at=service.now(), made_by=viewer.key_id, role=viewer.role_name,
    )  # fmt: skip
    return _given(made)


@shift_feedback.get(
    "/shifts/{id}/feedback", summary="What was said of a shift's forecasts", responses=answered(SHIFT_FEEDBACK_LIST)
)
def given(shift_id: ShiftId, _viewer: PlanViewer, service: ServiceOf) -> ShiftFeedbackList:
    """The newest first."""
    newest_forecast(service, shift_id)
    found = feedback_on_shift(service.engine, shift_id)
    return ShiftFeedbackList(shift=shift_id, feedback=[_given(one) for one in found])


def _given(one: KeptShiftFeedback) -> ShiftFeedbackGiven:
    return ShiftFeedbackGiven(
        number=one.number, shift=one.shift_id, reference=None if one.run_id is None else f"S-{one.run_id}",
        place_id=one.place_id, verdict=one.verdict, words=one.words, made_at=one.made_at,  # type: ignore[arg-type]
        made_by=one.made_by, role=one.role,
    )  # fmt: skip
