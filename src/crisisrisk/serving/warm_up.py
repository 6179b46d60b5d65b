"""Making answers that are worked out ready after a start: their code is compiled in a process of its own.

Compiling takes the better part of a minute of one core. In the service it would hold up everybody else's answers, those
of the board too, from the first person on who is worked out. So a child does it at the lowest priority, by working some
people out as the service would, and what it compiled is kept for whoever comes. In a container that keeps nothing this
is so at each start, else after an upgrade and with another recipe.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crisisrisk.compiled import kept_folder
from crisisrisk.errors import CrisisRiskError
from crisisrisk.models.bundle import Bundle
from crisisrisk.scoring.answering import answered_at, beside
from crisisrisk.scoring.explaining import explain_person
from crisisrisk.scoring.people import score_people
from crisisrisk.serving.bundles import VerifiedModel
from crisisrisk.serving.caseloads import Caseloads
from crisisrisk.serving.logs import log
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.serving.settings import service_declaration
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Snapshot, Store

SECONDS = 600.0
"""What it may take; then the service compiles as it goes."""
WAIT_SECONDS = 45.0
RETRY_SECONDS = 15
PEOPLE = 20
WEEK = timedelta(days=7)
NICE = 19
_NAME = "crisisrisk.serving.warm_up"
"""This module's, also where it is run."""


class WarmUp:
    """One for each start of the service. Until it is over, who asks for what is worked out waits for it."""

    def __init__(self, site: Site, *, longest: float = WAIT_SECONDS) -> None:
        """`longest`: what an answer waits for it at most, in seconds."""
        self.longest = longest
        self._site = site
        self._over = threading.Event()
        self._over.set()
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def start(self, bundle: Callable[[], Bundle]) -> None:
        """Begin, where something is not compiled yet. `bundle`: of the model that answers about people."""
        self._over.clear()
        threading.Thread(target=self._make_ready, args=(bundle,), name="warm-up", daemon=True).start()

    def wait(self) -> None:
        """Until it is over; at once where there is nothing to wait for. Raises NoAnswerError where it takes long."""
        if not self._over.wait(self.longest):
            raise NoAnswerError(
                "CR-HTTP-503", "what is worked out is being made ready after a start",
                hint="ask without fresh, or again in a minute", headers={"Retry-After": str(RETRY_SECONDS)},
            )  # fmt: skip

    def stop(self) -> None:
        """End it with the service."""
        with self._lock:
            self._stopped = True
            if self._child is not None:
                self._child.kill()

    def _make_ready(self, bundle: Callable[[], Bundle]) -> None:
        try:
            if not is_compiled(bundle()):
                self._compile()
        except CrisisRiskError:
            pass  # no model answers: said at /readyz
        except (OSError, subprocess.SubprocessError) as failure:
            log(logging.WARNING, "what is worked out could not be made ready", problem=type(failure).__name__)
        finally:
            self._over.set()

    def _compile(self) -> None:
        command = [sys.executable, "-P", "-m", _NAME, str(self._site.path)]
        with self._lock:
            if self._stopped:
                return
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        try:
            ended = self._child.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            ended = self._child.wait()
        if self._stopped:
            return
        if ended == 0:
            log(logging.INFO, "what is worked out was made ready")
        else:
            log(logging.WARNING, "what is worked out could not be made ready", code=str(ended))


def is_compiled(bundle: Bundle) -> bool:
    """Whether what this model's answers need was compiled before, from these very sources."""
    return _note_of(bundle).exists()


def compile_for(site: Site) -> None:
    """Work some people out as the service would, and note that it was done. Raises where that is not possible."""
    declared = service_declaration(site)
    bundle = VerifiedModel(site.models, "person", declared.person_model).bundle()
    snapshot, days = Store(site).snapshot(), declared.updating.keep_higher_days
    now = snapshot.as_of_now() if site.clock == "data" else datetime.now(UTC)
    people = _some_of(site, snapshot, now)
    if people:
        models = beside(site, bundle, keep_higher_days=days)
        made = score_people(models.now, snapshot, site, as_of=now, former=models.former, only=people)
        scored = made.frame.loc[made.frame["state"] == "scored", "person_id"].tolist()
        then = answered_at(site, bundle, now - WEEK, keep_higher_days=days)
        for person in scored[:1]:
            explain_person((bundle,), then.models, snapshot, site, person, as_of=now, since=now - WEEK)
        if scored:
            _note_of(bundle).parent.mkdir(parents=True, exist_ok=True)
            _note_of(bundle).touch()


def _some_of(site: Site, snapshot: Snapshot, now: datetime) -> Sequence[str]:
    caseloads = Caseloads(snapshot.table("caseloads"))
    return next((found[:PEOPLE] for team in site.teams if (found := sorted(caseloads.people(team, now)))), [])


def _note_of(bundle: Bundle) -> Path:
    return kept_folder(_NAME) / bundle.manifest.recipe_fingerprint[:32]


if __name__ == "__main__":
    with suppress(OSError):
        os.nice(NICE)
    compile_for(read_site(Path(sys.argv[1])))
