"""`[sign_in.oidc]` of service.toml: whose tokens are accepted, and which of their claims say role and team."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crisisrisk.errors import did_you_mean
from crisisrisk.serving.code_flow_declaration import CodeFlow, code_flow_problems, read_code_flow, safe_address

KEY_TYPES = {
    "RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA", "PS512": "RSA", "ES256": "EC",
    "ES384": "EC", "EdDSA": "OKP",
}  # fmt: skip
"""By algorithm the type of its keys. Only those whose keys can be published: a shared secret is nobody's signature."""
_TEXTS = ("issuer", "audience", "jwks", "role_claim", "team_claim", "worker_claim")


@dataclass(frozen=True, kw_only=True)
class Oidc:
    """An issuer of tokens. `jwks`: an address, or a file beside the site's folder, of the keys that it signs with."""

    issuer: str
    audience: str
    jwks: str
    algorithms: tuple[str, ...] = ("RS256",)
    role_claim: str = "crisisrisk_role"
    team_claim: str = "crisisrisk_team"
    worker_claim: str = "crisisrisk_worker"
    pages: CodeFlow | None = None
    """How people sign in to pages with its accounts; None where they do with keys alone."""

    def source(self, folder: Path) -> str | Path:
        """The address, or the file of a site whose folder is given."""
        return self.jwks if _is_address(self.jwks) else folder / self.jwks


def read_oidc(table: Any) -> Oidc | None:
    """What the table says, if it is there; it has no problems."""
    if table is None:
        return None
    algorithms = {"algorithms": tuple(table["algorithms"])} if "algorithms" in table else {}
    return Oidc(**{**table, **algorithms, "pages": read_code_flow(table.get("pages"))})


def oidc_problems(table: Any) -> list[tuple[str, str]]:
    """What is wrong with the table, each with its hint."""
    if table is None:
        return []
    if not isinstance(table, dict):
        return [(f"sign_in.oidc is {table!r}, wanted a table", "")]
    known = [*_TEXTS, "algorithms", "pages"]
    found = [(f'unknown key "sign_in.oidc.{name}"', did_you_mean(name, known)) for name in table if name not in known]
    missing = [name for name in ("issuer", "audience", "jwks") if name not in table]
    found += [(f"sign_in.oidc.{name} is missing", "") for name in missing]
    found += [
        (f"sign_in.oidc.{name} is {table[name]!r}, wanted a text", "")
        for name in _TEXTS
        if name in table and not (isinstance(table[name], str) and table[name].strip())
    ]
    found += code_flow_problems(table.get("pages"))
    return found or [*_algorithm_problems(table), *_address_problems(table)]


def _algorithm_problems(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    given = table.get("algorithms", ["RS256"])
    if isinstance(given, list) and given and all(isinstance(one, str) and one in KEY_TYPES for one in given):
        return []
    return [(f"sign_in.oidc.algorithms is {given!r}, wanted a list of {', '.join(KEY_TYPES)}", "")]


def _address_problems(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    jwks = table["jwks"]
    if not _is_address(jwks) or safe_address(jwks):
        return []
    return [("sign_in.oidc.jwks is an address without TLS", "https://…, or a file beside the site's folder")]


def _is_address(text: str) -> bool:
    return "://" in text
