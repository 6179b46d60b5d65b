"""What changes a part of a page without loading it anew, where a script can: the same forms, the same addresses.

A script that asks says so in a header. It is answered with the same template, without what stands round a page; with
what was refused, to be put at the head of the page; and where nobody is signed in any more, with the way to sign in.
"""

import json
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request
from starlette.datastructures import Headers

from crisisrisk.serving.problems import SIGN_IN, local_path
from crisisrisk.serving.trail import people_named

ASKED = "HX-Request"
REFUSED = {"HX-Retarget": "#refused", "HX-Reswap": "innerHTML show:none"}
"""Where what was refused goes: every page has that place, whatever was to be replaced."""
SETTINGS = json.dumps(
    {
        # Nothing of an answer is run, nothing is asked of another host, and no page is kept by the browser: pages name
        # people. *Back* asks for the page anew, which is a look of its own.
        "allowEval": False, "allowScriptTags": False, "includeIndicatorStyles": False, "selfRequestsOnly": True,
        "historyCacheSize": 0, "refreshOnHistoryMiss": True, "timeout": 30_000, "defaultSettleDelay": 0,
        "scrollIntoViewOnBoost": False,
        "defaultFocusScroll": False,
        # A form that cannot be used is answered with the form. What else is refused says where it goes: pages.js.
        "responseHandling": [{"code": "2..|422", "swap": True}, {"code": "...", "swap": False, "error": True}],
    }
)  # fmt: skip
"""What htmx may do, as its `htmx-config` wants it."""


def asked_in_place(headers: Mapping[str, str]) -> bool:
    """Whether a script wants no more than the part of a page."""
    return headers.get(ASKED, headers.get(ASKED.lower())) == "true"


def _in_place(request: Request) -> bool:
    return asked_in_place(request.headers)


InPlace = Annotated[bool, Depends(_in_place)]


def sign_in_again(headers: Headers) -> dict[str, str]:
    """What leads a whole browser window to where to sign in, and back to where it was, unless that names somebody."""
    asked = urlsplit(headers.get("hx-current-url", ""))
    back = local_path(f"{asked.path}?{asked.query}" if asked.query else asked.path)
    known = back is not None and back != "/" and not people_named(back.encode("utf-8", "replace"))
    return {"HX-Redirect": f"{SIGN_IN}?next={quote(back or '', safe='/')}" if known else SIGN_IN}


def address_of(request: Request, address: str) -> dict[str, str]:
    """What makes `address`, with its query, that of the window, so that reloading it and *Back* lead where they say.

    One that the window has already is not kept a second time.
    """
    at = urlsplit(request.headers.get("hx-current-url", ""))
    here = urlsplit(address)
    return {} if (at.path, at.query) == (here.path, here.query) else {"HX-Push-Url": address}
