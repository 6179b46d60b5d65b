"""Which models answer about people: the champion and, for a while after a promotion, those before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crisisrisk.models.bundle import Bundle
from crisisrisk.models.champions import Change, champion, changes, former_versions, signed_version
from crisisrisk.scoring.former import same_question
from crisisrisk.tables.site import Site


@dataclass(frozen=True)
class Answering:
    """The model that answers, and those whose higher numbers still count."""

    now: Bundle
    former: tuple[Bundle, ...] = ()
    other_questions: tuple[int, ...] = ()
    """Versions that would count, but were asked something else."""

    @property
    def models(self) -> tuple[Bundle, ...]:
        """The model that answers first."""
        return (self.now, *self.former)

    @property
    def versions(self) -> tuple[int, ...]:
        """Of the models, in their order."""
        return tuple(model.manifest.version for model in self.models)


def answering(site: Site, *, keep_higher_days: float) -> Answering:
    """Who answers now. Raises ModelError when nobody does, or a bundle that is needed was changed."""
    return beside(site, champion(site.models, "person"), keep_higher_days=keep_higher_days)


def beside(site: Site, now: Bundle, *, keep_higher_days: float) -> Answering:
    """The model that answers, and those of before whose higher numbers still count beside it."""
    made = changes(site.models, now.manifest.name)
    return _answering(site, now, made, datetime.now(UTC), keep_higher_days)


def answered_at(site: Site, now: Bundle, moment: datetime, *, keep_higher_days: float) -> Answering:
    """Who of the versions of a model answered at a moment; the present one alone where none of them did yet."""
    made = [one for one in changes(site.models, now.manifest.name) if datetime.fromisoformat(one.at) <= moment]
    if not made:
        return Answering(now)
    version = made[-1].version
    then = now if version == now.manifest.version else _bundle(site, now, version)
    return _answering(site, then, made, moment, keep_higher_days)


def _answering(site: Site, model: Bundle, made: Sequence[Change], moment: datetime, days: float) -> Answering:
    versions = former_versions(made, at=moment, within=timedelta(days=days))
    before = [_bundle(site, model, version) for version in versions]
    asked = [same_question(model.task, one.task) for one in before]
    return Answering(
        model,
        tuple(one for one, same in zip(before, asked, strict=True) if same),
        tuple(version for version, same in zip(versions, asked, strict=True) if not same),
    )


def _bundle(site: Site, like: Bundle, version: int) -> Bundle:
    return signed_version(site.models, like.manifest.name, version)
