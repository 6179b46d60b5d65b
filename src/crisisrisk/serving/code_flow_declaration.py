"""`[sign_in.oidc.pages]` of service.toml: where people sign in to pages with an account of the issuer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from crisisrisk.errors import did_you_mean

CALLBACK = "/sign-in/callback"
"""Where the issuer sends browsers back to."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ADDRESS = re.compile(r"https?://[!#$%&'()*+,\-./0-9:=?A-Z\[\]_a-z~]{1,500}")
_TABLE = "sign_in.oidc.pages"
_NEEDED = ("name", "client_id", "authorization_endpoint", "token_endpoint", "callback")
_TEXTS = (*_NEEDED, "client_secret_file", "scope", "prompt", "end_session_endpoint")
PROMPTS = ("login", "select_account")


@dataclass(frozen=True, kw_only=True)
class CodeFlow:
    """The authorization-code flow with an issuer: what this service is called there, and its two addresses."""

    name: str
    """Of the issuer, as the button says it: "Sign in with …"."""
    client_id: str
    authorization_endpoint: str
    token_endpoint: str
    callback: str | None = None
    """The address of this service's CALLBACK, as browsers have it; None: whatever loopback address they use."""
    client_secret_file: str | None = None
    """Beside the site's folder; None for a client without a secret, which PKCE alone vouches for."""
    scope: str = "openid"
    prompt: str | None = None
    """One of PROMPTS: the issuer asks anew who is there, however lately somebody signed in; None: as it likes."""
    end_session_endpoint: str | None = None
    """Where browsers go on to who sign out here, so that they are signed out there too; None: they stay signed in."""


def read_code_flow(table: Any) -> CodeFlow | None:
    """What the table says, if it is there; it has no problems."""
    return None if table is None else CodeFlow(**table)


def code_flow_problems(table: Any) -> list[tuple[str, str]]:
    """What is wrong with the table, each with its hint."""
    if table is None:
        return []
    if not isinstance(table, dict):
        return [(f"{_TABLE} is {table!r}, wanted a table", "")]
    found = [(f'unknown key "{_TABLE}.{name}"', did_you_mean(name, _TEXTS)) for name in table if name not in _TEXTS]
    found += [(f"{_TABLE}.{name} is missing", "") for name in _NEEDED if name not in table]
    found += [
        (f"{_TABLE}.{name} is {value!r}, wanted a text", "")
        for name, value in table.items()
        if name in _TEXTS and not (isinstance(value, str) and value.strip())
    ]
    return found or [*_address_problems(table), *_scope_problems(table), *_prompt_problems(table)]


def safe_address(text: str) -> bool:
    """Whether nobody can listen or answer in between: TLS, or this machine. No user, no fragment, plain characters."""
    if not _ADDRESS.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        host, user = parts.hostname, parts.username
        _ = parts.port
    except ValueError:
        return False
    return bool(host) and user is None and not parts.fragment and (parts.scheme == "https" or host in LOOPBACK)


def _address_problems(table: Mapping[str, str]) -> list[tuple[str, str]]:
    names = ("authorization_endpoint", "token_endpoint", "callback", "end_session_endpoint")
    found = [(f"{_TABLE}.{name} is an address without TLS, or none", "https://…") for name in names
             if name in table and not safe_address(table[name])]  # fmt: skip
    callback = urlsplit(table["callback"]) if not found else None
    if callback is not None and (callback.path != CALLBACK or callback.query):
        found.append((f"{_TABLE}.callback does not lead to this service", f"https://…{CALLBACK}"))
    return found


def _scope_problems(table: Mapping[str, str]) -> list[tuple[str, str]]:
    if "openid" in table.get("scope", "openid").split():
        return []
    return [(f"{_TABLE}.scope is {table['scope']!r}, wanted openid among its words", "without it no ID token comes")]


def _prompt_problems(table: Mapping[str, str]) -> list[tuple[str, str]]:
    if table.get("prompt", PROMPTS[0]) in PROMPTS:
        return []
    return [(f"{_TABLE}.prompt is {table['prompt']!r}, wanted {' or '.join(PROMPTS)}", "")]
