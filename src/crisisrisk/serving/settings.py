"""What the service runs on. The only place in the service that reads the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crisisrisk.errors import UsageError
from crisisrisk.models.phrases import PhraseBook, read_phrases
from crisisrisk.serving.declarations import ServiceDeclaration, read_service
from crisisrisk.serving.default_secrets import refuse_default_secrets, refuse_demo_page
from crisisrisk.serving.roles import Role, read_roles
from crisisrisk.shipped import shipped
from crisisrisk.tables.site import Site, find_site, read_site

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A site, what its service offers to whom, and how loudly it logs."""

    site: Site
    service: ServiceDeclaration
    roles: Mapping[str, Role]
    phrases: PhraseBook
    log_level: str = "info"


def read_settings(site: Site, environ: Mapping[str, str]) -> Settings:
    """The settings of a site: its own serving/ files, or the shipped ones where it has none.

    Raises RecipeError for a wrong file, UsageError for a wrong CRISISRISK_LOG_LEVEL, and ServiceError for a secret that
    is a default or an example, and for the demo's identity page at a site that is not invented.
    """
    level = environ.get("CRISISRISK_LOG_LEVEL", "info")
    if level not in LOG_LEVELS:
        raise UsageError(
            "CR-USE-001", "CRISISRISK_LOG_LEVEL cannot be used", found=repr(level), wanted=", ".join(LOG_LEVELS)
        )
    service = service_declaration(site)
    refuse_default_secrets(site, service, environ)
    refuse_demo_page(site, service)
    return Settings(
        site=site,
        service=service,
        roles=read_roles(_declaration(site, "roles.toml")),
        phrases=read_phrases(_declaration(site, "phrases.toml"), site.sources),
        log_level=level,
    )


def service_declaration(site: Site) -> ServiceDeclaration:
    """What the site's service offers: its own service.toml, or the shipped one. Raises RecipeError for a wrong file."""
    return read_service(_declaration(site, "service.toml"))


def settings_from_environment(environ: Mapping[str, str]) -> Settings:
    """The settings of the site that CRISISRISK_SITE names, for a server that starts the application itself."""
    return read_settings(read_site(find_site(None, environ, Path("/"))), environ)


def _declaration(site: Site, name: str) -> Path:
    own = site.path / "serving" / name
    return own if own.is_file() else shipped("serving") / name
