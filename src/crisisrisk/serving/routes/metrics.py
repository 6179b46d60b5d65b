"""Measures for Prometheus."""

from fastapi import APIRouter, Request, Response

from crisisrisk.serving.access import WELL
from crisisrisk.serving.examples import ANYWHERE
from crisisrisk.serving.metrics import CONTENT_TYPE, Metrics

measures = APIRouter(tags=["status"], dependencies=[WELL])


@measures.get(
    "/metrics", summary="Measures, for Prometheus", response_class=Response,
    responses={**ANYWHERE, 200: {"content": {"text/plain": {}}}},
)  # fmt: skip
def metrics(request: Request) -> Response:
    """No key needed, and nobody is named: counts of requests, how busy it is, how old data and answers are."""
    found = request.app.state.metrics
    assert isinstance(found, Metrics)
    return Response(found.text(), media_type=CONTENT_TYPE)
