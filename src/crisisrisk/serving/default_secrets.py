"""Secrets that are no secrets: defaults, examples, patterns. A service that has one does not start."""

from collections.abc import Mapping
from itertools import pairwise

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from crisisrisk.errors import DataError, ServiceError
from crisisrisk.serving.client_secrets import read_client_secret
from crisisrisk.serving.code_flow_declaration import LOOPBACK
from crisisrisk.serving.declarations import ServiceDeclaration
from crisisrisk.simulation.declarations import KEY_OF_NOBODY
from crisisrisk.tables.pseudonyms import read_pseudonym_key
from crisisrisk.tables.site import Site

_WORDS = frozenset(
    {
        "", "admin", "admin123", "changeme", "change-me", "change_me", "crisisrisk", "default", "demo", "example",
        "guest", "letmein", "pass", "passw0rd", "password", "password1", "password123", "password1234", "postgres",
        "postgresql", "qwerty", "replace-me", "root", "secret", "test", "your-password", "yourpassword",
    }
)  # fmt: skip
_FEWEST_DIFFERENT = 12
"""Of the 32 bytes of a key that was drawn, about 30 are different; fewer than these come once in 10^15 keys."""


def refuse_default_secrets(site: Site, service: ServiceDeclaration, environ: Mapping[str, str]) -> None:
    """Raise ServiceError naming every secret that is a default or an example. What it is, is not said."""
    found = [*_database_password(site.database_url, environ), *_pseudonym_key(site), *_client_secret(site, service)]
    if found:
        raise ServiceError(
            "CR-SERVE-003", "a secret of this site is a default or an example", where=", ".join(found),
            hint="make a new one; for the key of pseudonyms, which must stay, ask before anything was loaded",
        )  # fmt: skip


def refuse_demo_page(site: Site, service: ServiceDeclaration) -> None:
    """Raise ServiceError for the demo's identity page at a site that may be real.

    Its pseudonyms must be those of nobody, made with the key that everybody knows: a site of real people has a key of
    its own, or every pseudonym in it could be turned back. And it has the docs page off, or an issuer of its own.
    """
    if not service.sign_in.demo_page:
        return
    if not _is_invented(site):
        raise _not_here("sign_in.demo_page lets everybody in, and is for the invented city alone")
    if not service.docs_page or service.sign_in.oidc is not None:
        found = "sign_in.oidc" if service.docs_page else "docs_page = false"
        raise _not_here("sign_in.demo_page lets everybody in, and the rest of the file is of a real site", found)


def refuse_demo_page_beyond(host: str, service: ServiceDeclaration) -> None:
    """Raise ServiceError for the demo's identity page where others than this machine may reach it."""
    if service.sign_in.demo_page and host not in LOOPBACK:
        raise _not_here("sign_in.demo_page lets everybody in, and others may reach this service", f"--host {host}")


def _is_invented(site: Site) -> bool:
    try:
        return site.pseudonym_key_file is not None and read_pseudonym_key(site).secret.hex() == KEY_OF_NOBODY
    except DataError:
        return False


def _not_here(problem: str, found: str | None = None) -> ServiceError:
    return ServiceError(
        "CR-SERVE-005", problem, where="serving/service.toml", found=found,
        hint="take the line out; people sign in with: crisisrisk keys create",
    )  # fmt: skip


def is_default(secret: str, *, user: str | None = None) -> bool:
    """Whether a password is one of those that come with programs and examples, or is the user's name."""
    plain = secret.strip().lower()
    short_number = plain.isdigit() and len(plain) < 12
    return plain in _WORDS or plain == (user or "").lower() or short_number or len(set(plain)) <= 2


def is_pattern(key: bytes) -> bool:
    """Whether a key's bytes were written rather than drawn: few different ones, or each as far from the last."""
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    return len(set(key)) < _FEWEST_DIFFERENT or len(steps) < _FEWEST_DIFFERENT


def _database_password(database_url: str, environ: Mapping[str, str]) -> list[str]:
    try:
        url = make_url(database_url)
    except ArgumentError:
        return []  # said, with what is wanted, when the database is opened
    if not url.drivername.startswith("postgresql"):
        return []
    given = {"the password in database_url": url.password, "PGPASSWORD": environ.get("PGPASSWORD")}
    return [
        name
        for name, password in given.items()
        if password is not None and is_default(str(password), user=url.username)
    ]


def _pseudonym_key(site: Site) -> list[str]:
    if site.pseudonym_key_file is None or not site.pseudonym_key_file.exists():
        return []  # answering needs none
    try:
        key = read_pseudonym_key(site)
    except DataError:
        return []  # said by whatever needs it; the service reads what was stored with it
    return ["the key of pseudonyms"] if is_pattern(key.secret) else []


def _client_secret(site: Site, service: ServiceDeclaration) -> list[str]:
    flow = None if service.sign_in.oidc is None else service.sign_in.oidc.pages
    if flow is None or flow.client_secret_file is None:
        return []
    try:
        secret = read_client_secret(site.path / flow.client_secret_file)
    except DataError:
        return []  # said by /readyz; keys go on opening pages
    return ["the client secret of the issuer"] if is_default(secret, user=flow.client_id) else []
