"""What Prometheus reads at /metrics. Labels name routes, parts, sources and models, never anybody or what was asked."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from crisisrisk.database.latest import latest_forecast_run, latest_run
from crisisrisk.errors import CrisisRiskError
from crisisrisk.serving.admission import Admission, Priority
from crisisrisk.serving.state import READY, Service
from crisisrisk.serving.wording import Freshness

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "(other)"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_UNREADABLE = (CrisisRiskError, SQLAlchemyError, OSError, ValueError, LookupError)


class Metrics:
    """The measures of one running service."""

    def __init__(self, service: Service, admission: Admission) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "crisisrisk_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "crisisrisk_request_seconds", "From the first byte of a request to the last of its answer.", ("route",),
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._shed = Counter(
            "crisisrisk_requests_shed", "Requests refused at once: too much at once, too often, or a body.",
            ("priority", "reason"), registry=self.registry,
        )  # fmt: skip
        self.registry.register(_State(service, admission))
        ProcessCollector(registry=self.registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One answer was given. `route` is the template."""
        self._requests.labels(method, route, f"{status // 100}xx").inc()
        self._seconds.labels(route).observe(seconds)

    def shed(self, priority: Priority, reason: str) -> None:
        """One request was refused before anything was done for it."""
        self._shed.labels(priority.label, reason).inc()

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)


class _State(Collector):
    """How the service stands at the moment when it is asked. What cannot be read is left out; its part says so."""

    def __init__(self, service: Service, admission: Admission) -> None:
        self.service = service
        self.turns = admission.turns

    def describe(self) -> Iterator[Metric]:
        """Nothing before it is asked."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Gauges."""
        yield GaugeMetricFamily(
            "crisisrisk_requests_in_flight", "Requests that are being answered.", value=self.turns.taken
        )
        waiting = GaugeMetricFamily(
            "crisisrisk_requests_waiting", "Requests that wait for a turn.", labels=["priority"]
        )
        for priority in Priority:
            waiting.add_metric([priority.label], self.turns.queued(priority))
        yield waiting
        parts = GaugeMetricFamily(
            "crisisrisk_part_ready", "1 for a part that is ready, as at /readyz.", labels=["part"]
        )
        for name, said in self.service.parts().items():
            parts.add_metric([name], said == READY)
        yield parts
        yield self._models()
        yield from self._ages()

    def _models(self) -> Metric:
        info = GaugeMetricFamily(
            "crisisrisk_model", "1 for each model that answers.", labels=["subject", "name", "version"]
        )
        for model in self.service.models:
            try:
                manifest = model.manifest()
            except _UNREADABLE:
                continue
            info.add_metric([model.subject, manifest.name, str(manifest.version)], 1)
        return info

    def _ages(self) -> Iterator[Metric]:
        age = GaugeMetricFamily(
            "crisisrisk_source_age_seconds", "Since a source was last heard of, by the site's clock.", labels=["source"]
        )
        late = GaugeMetricFamily(
            "crisisrisk_source_late", "1 for a source that is silent for too long.", labels=["source"]
        )
        try:
            now, complete_to = self.service.now(), self.service.view().complete_to
            freshness = Freshness(self.service.settings)
            silent = freshness.late(complete_to, now)
            for source, moment in freshness.newest_known(complete_to).items():
                label = source if source in self.service.settings.site.sources else OTHER
                age.add_metric([label], (now - moment).total_seconds())
                late.add_metric([label], source in silent)
            yield age
            yield late
            declared = self.service.settings.service
            runs = {
                "forecast": latest_forecast_run(self.service.engine, model_name=declared.place_model, at=now),
                "scores": latest_run(self.service.engine, model_name=declared.person_model, at=now),
            }
            for name, run in runs.items():
                if run is not None:
                    yield GaugeMetricFamily(
                        f"crisisrisk_{name}_age_seconds", f"Since the newest {name} were made, by the site's clock.",
                        value=(now - run.meta.as_of).total_seconds(),
                    )  # fmt: skip
        except _UNREADABLE:
            return
