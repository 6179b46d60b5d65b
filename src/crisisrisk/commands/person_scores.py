"""Commands that give scores of people ask here first: a site that has not switched them on gets none."""

from crisisrisk.errors import ServiceError
from crisisrisk.serving.declarations import SCORES_OFF, SWITCH_ON, ServiceDeclaration
from crisisrisk.serving.settings import service_declaration
from crisisrisk.tables.site import Site


def require_person_scores(site: Site) -> ServiceDeclaration:
    """What the site's service.toml says. Raises ServiceError naming what is missing while scores of people are off."""
    declared = service_declaration(site)
    missing = declared.person_scores.missing
    if missing:
        raise ServiceError(
            "CR-PERSON-001", SCORES_OFF, where="serving/service.toml, [person_scores]", wanted=", ".join(missing),
            hint=f"{SWITCH_ON} (docs/how-to/serve.md)",
        )  # fmt: skip
    return declared
