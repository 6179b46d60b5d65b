"""Signing in to the pages and out of them."""

import logging
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from crisisrisk.database.issuer_users import is_user, user_signs_in
from crisisrisk.database.keys import KeyRecord, key_of
from crisisrisk.serving.access import WELL, SignedIn, Viewer
from crisisrisk.serving.bodies import form_of
from crisisrisk.serving.code_flow_declaration import CALLBACK
from crisisrisk.serving.issuer_sign_in import LASTS, IssuerSignIn, RefusedError
from crisisrisk.serving.logs import log
from crisisrisk.serving.pages.sign_in import NO_KEY, onward_page, sign_in_page
from crisisrisk.serving.problems import SIGN_IN, form_refused, local_path, nothing_here
from crisisrisk.serving.sessions import on_loopback, same_site
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.tokens import TokenHolder

entrance = APIRouter(dependencies=[WELL], include_in_schema=False)
way_out = APIRouter(include_in_schema=False)

ATTEMPT_COOKIE = "crisisrisk_sign_in"
Next = Annotated[str | None, Query(alias="next")]


@entrance.get(SIGN_IN)
def ask(service: ServiceOf) -> Response:
    """The page: a button for who has an account of the issuer, where the site has one, and a field for a key."""
    return _page(service)


@entrance.post(SIGN_IN)
def sign_in(request: Request, service: ServiceOf, after: Next = None) -> Response:
    """Begin a session, and go to where somebody wanted to; the page again for a key that does not work.

    With an account of the issuer it begins there, and goes on at `come_back`.
    """
    if not same_site(request):
        raise form_refused()
    form, back = form_of(request), local_path(after) or "/"
    if "issuer" in form and service.issuer is not None:
        return _to_issuer(service, service.issuer, request, back)
    key = key_of(service.engine, form.get("key", "").strip())
    if key is None or key.role not in service.settings.roles:
        return _page(service, error=NO_KEY, status=401)
    answer = RedirectResponse(back, status_code=303)
    _open_session(service, request, answer, key)
    return answer


@entrance.get(CALLBACK)
def come_back(request: Request, service: ServiceOf) -> Response:
    """Whom the issuer sends back: the same session as a key opens, or a page that says why not and what to do."""
    issuer = service.issuer
    if issuer is None:
        raise nothing_here()
    cookie = request.cookies.get(ATTEMPT_COOKIE, "")
    try:
        finished = issuer.finish(request.query_params.multi_items(), cookie, _callback(issuer, request))
    except RefusedError as refused:
        answer = _refused(service, refused)
    else:
        answer = _onward(service, heading="You are signed in", link="Go on", to=finished.back)
        _open_session(service, request, answer, _record(service, finished.holder))
    answer.delete_cookie(ATTEMPT_COOKIE, path=SIGN_IN, httponly=True, samesite="lax", secure=not on_loopback(request))
    return answer


@way_out.post("/sign-out")
def sign_out(request: Request, viewer: SignedIn, service: ServiceOf) -> Response:
    """End the session at once, whoever else may have its cookie. Who came by the issuer goes on to sign out there."""
    if viewer.session is not None:
        service.sessions.end(viewer.session)
    answer = _signed_out(service, request, viewer)
    service.sessions.clear_cookie(answer, request)
    return answer


def _signed_out(service: Service, request: Request, viewer: Viewer) -> Response:
    issuer = service.issuer
    if issuer is not None and is_user(viewer.key_id):
        try:
            to = issuer.way_out(_callback(issuer, request).removesuffix(CALLBACK) + SIGN_IN)
        except RefusedError:  # not on the machine of the demo's page any more: over here it is ended all the same
            to = None
        if to is not None:
            name = issuer.flow.name
            return _onward(service, heading="You are signed out here", link=f"Sign out with {name} too", to=to)
    return RedirectResponse(SIGN_IN, status_code=303)


def _to_issuer(service: Service, issuer: IssuerSignIn, request: Request, back: str) -> Response:
    try:
        begun = issuer.begin(_callback(issuer, request), back)
    except RefusedError as refused:
        return _refused(service, refused)
    name = issuer.flow.name
    answer = _onward(service, heading=f"Going to {name}", link=f"Sign in with {name}", to=begun.location)
    # Lax, not strict: the browser brings it along when the issuer, another site, sends it back here.
    answer.set_cookie(
        ATTEMPT_COOKIE, begun.cookie, max_age=int(LASTS.total_seconds()), path=SIGN_IN, httponly=True, samesite="lax",
        secure=not on_loopback(request),
    )  # fmt: skip
    return answer


def _callback(issuer: IssuerSignIn, request: Request) -> str:
    """Where the issuer sends browsers back to: as declared, for what a request says of its host may be anybody's."""
    if issuer.flow.callback is not None:
        return issuer.flow.callback
    if not on_loopback(request):
        raise RefusedError(
            "not on loopback", 403, "This way of signing in is for browsers on the service's own machine."
        )
    return f"http://{request.url.netloc}{CALLBACK}"


def _open_session(service: Service, request: Request, answer: Response, key: KeyRecord) -> None:
    service.sessions.set_cookie(answer, service.sessions.start(key), request)
    log(logging.INFO, "signed in", key_id=key.key_id, role=key.role)


def _record(service: Service, holder: TokenHolder) -> KeyRecord:
    longest = service.settings.service.sign_in.longest
    return user_signs_in(
        service.engine, holder.user_id, role=holder.role.name, team=holder.team, worker_id=holder.worker,
        valid_for=longest,
    )  # fmt: skip


def _refused(service: Service, refused: RefusedError) -> Response:
    log(logging.WARNING, "a sign-in with the issuer was refused", problem=refused.reason)
    return _page(service, refused=refused.says, status=refused.status)


def _page(service: Service, *, error: str | None = None, refused: str | None = None, status: int = 200) -> Response:
    site, issuer = service.settings.site, service.issuer
    name = None if issuer is None else issuer.flow.name
    return sign_in_page(site.name, zone=site.time_zone, issuer=name, error=error, refused=refused, status=status)


def _onward(service: Service, *, heading: str, link: str, to: str) -> Response:
    site = service.settings.site
    return onward_page(site.name, zone=site.time_zone, heading=heading, link=link, to=to)
