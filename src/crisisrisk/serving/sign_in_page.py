"""The page on which somebody signs in, as plain HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fastapi.responses import HTMLResponse

POLICY = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
"""The page loads nothing, and sends its forms to this service alone."""
NO_KEY = "This key does not work. It may be mistyped, revoked or expired."


@dataclass(frozen=True)
class Offered:
    """A role that the demo's page offers by a button; `value` is `role` or `role:team`."""

    value: str
    text: str


def sign_in_page(
    site: str, *, offered: Sequence[Offered] = (), error: str | None = None, status: int = 200
) -> HTMLResponse:
    """The page. Its forms have no address, so that they keep what was asked for before: nothing of that stands here."""
    wrong = f'<p role="alert" id="wrong"><strong>{escape(error)}</strong></p>' if error else ""
    described = ' aria-describedby="wrong" aria-invalid="true"' if error else ""
    content = (
        f'<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8"><title>{"Error: " if error else ""}Sign in · '
        f'{escape(site)}</title><meta name="viewport" content="width=device-width, initial-scale=1"></head>'
        f'<body><main id="maincontent"><h1>Sign in to {escape(site)}</h1>{wrong}'
        '<form method="post"><p><label for="key">Your key</label> '
        f'<input id="key" name="key" type="password" autocomplete="current-password" required{described}></p>'
        f'<p><button type="submit">Sign in</button></p></form>{_demo(offered)}</main></body></html>\n'
    )
    return HTMLResponse(content, status, {"Content-Security-Policy": POLICY})


def _demo(offered: Sequence[Offered]) -> str:
    if not offered:
        return ""
    buttons = "".join(
        f'<p><button type="submit" name="role" value="{escape(one.value)}">{escape(one.text)}</button></p>'
        for one in offered
    )
    return f'<h2>Demo: everybody here is invented</h2><form method="post">{buttons}</form>'
