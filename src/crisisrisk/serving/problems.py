"""Errors as `application/problem+json`: one shape for everything that is not an answer."""

import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from crisisrisk.errors import KINDS, CrisisRiskError, DataError, ServiceError
from crisisrisk.serving.headers import ALWAYS, REQUEST_ID
from crisisrisk.serving.logs import log

PROBLEM = "application/problem+json"
UNREPEATED = "a name that is not repeated here"
_FIELD = re.compile(r"[A-Za-z_-]{1,40}")


class NoAnswerError(ServiceError):
    """There is no answer, for a reason that the caller may know. `members` are added to the problem."""

    def __init__(
        self,
        code: str,
        problem: str,
        *,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(code, problem, hint=hint)
        self.headers = dict(headers or {})
        self.members = members


def nothing_here() -> NoAnswerError:
    """The answer to what does not exist and to what this key may not see. They must not differ in one byte."""
    return NoAnswerError(
        "CR-HTTP-404", "nothing here for this key", hint="it does not exist, or this key may not see it"
    )


def key_needed() -> NoAnswerError:
    """The answer to no key, and to an unknown, changed, expired or revoked one."""
    return NoAnswerError(
        "CR-HTTP-401", "no key that works came with this request",
        hint="send it as  Authorization: Bearer KEY  ·  make one with: crisisrisk keys create",
        headers={"WWW-Authenticate": "Bearer"},
    )  # fmt: skip


SIGN_IN = "/sign-in"
_MACHINES = ("/api", "/fhir", "/healthz", "/readyz", "/metrics", "/openapi.json")
"""What programs ask: they are told what is missing. People at a page are shown where to sign in."""
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1000}")


class SignInNeededError(NoAnswerError):
    """Nobody is signed in at a page. `location`: where to do that."""

    def __init__(self, location: str) -> None:
        missing = key_needed()
        super().__init__(missing.code, missing.problem, hint=missing.hint, headers=missing.headers)
        self.location = location


def key_needed_at(request: Request) -> NoAnswerError:
    """The same; of who looks at a page, with the way to where to sign in and back."""
    path = request.url.path
    if request.method != "GET" or for_programs(path):
        return key_needed()
    asked = f"{path}?{request.url.query}" if request.url.query else path
    back = "" if local_path(asked) in (None, "/") else f"?next={quote(asked, safe='/')}"
    return SignInNeededError(f"{SIGN_IN}{back}")


def for_programs(path: str) -> bool:
    """Whether what asks at an address is a program, and wants what is wrong as one reads it."""
    return any(path == start or path.startswith(f"{start}/") for start in _MACHINES)


def local_path(text: str | None) -> str | None:
    """A path of this service as it was given; None for what could lead elsewhere."""
    return text if text is not None and _LOCAL.fullmatch(text) else None


def form_refused() -> NoAnswerError:
    """The answer to a change by cookie that no form of ours sent."""
    return NoAnswerError(
        "CR-ACCESS-004",
        "the form's token is missing or another session's",
        hint="open the page again and send it from there",
    )


def role_refused(role: str) -> NoAnswerError:
    """The answer to a role that does not reach this address, whatever is asked for there."""
    return NoAnswerError("CR-HTTP-403", f"the role {role} may not ask this", hint="roles are in serving/roles.toml")


def too_much(name: str, wanted: str) -> NoAnswerError:
    """The answer to a value that is beyond what one request may ask for."""
    return NoAnswerError(
        "CR-HTTP-422",
        "1 value in the request cannot be used",
        problems=[{"where": name, "problem": f"wanted {wanted}"}],
    )


def handle_problems(app: FastAPI) -> None:
    """Answer every error in this shape."""
    app.add_exception_handler(SignInNeededError, _sign_in)
    app.add_exception_handler(CrisisRiskError, _declared)
    app.add_exception_handler(HTTPException, _of_the_framework)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(SQLAlchemyError, _database_failed)
    app.add_exception_handler(Exception, _unexpected)


def problem(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
) -> JSONResponse:
    """One problem as a response."""
    content = {"title": KINDS[code].meaning, "status": status, "detail": detail, "code": code, **members}
    return JSONResponse(content, status_code=status, headers=dict(headers or {}), media_type=PROBLEM)


def _sign_in(_request: Request, error: Exception) -> RedirectResponse:
    assert isinstance(error, SignInNeededError)
    return RedirectResponse(error.location, status_code=303)


def _declared(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CrisisRiskError)
    members = error.as_problem()
    # Whatever is wrong with the site's own tables is nothing that the caller can mend.
    status = 503 if isinstance(error, DataError) else error.kind.http_status
    if isinstance(error, NoAnswerError):
        return problem(
            status, error.code, error.problem, headers=error.headers,
            **({"hint": error.hint} if error.hint else {}), **error.members,
        )  # fmt: skip
    if status >= 500:  # where it failed inside the service is for its log: paths are nobody's business outside
        log(logging.ERROR, "cannot answer", code=error.code, problem=error.problem)
        members = {"title": members["title"], "detail": members["detail"], "code": members["code"]}
    return JSONResponse({**members, "status": status}, status_code=status, media_type=PROBLEM)


_CODES = {400: "CR-HTTP-400", 404: "CR-HTTP-404", 405: "CR-HTTP-405", 413: "CR-HTTP-413"}


def _of_the_framework(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem(404, "CR-HTTP-404", "there is no such address", hint="see docs/reference/api.md")
    code = _CODES.get(error.status_code, "CR-HTTP-400" if error.status_code < 500 else "CR-HTTP-503")
    return problem(error.status_code, code, str(error.detail), headers=error.headers)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """Names what is wrong and where; the value itself is not repeated, for it may be anything."""
    assert isinstance(error, RequestValidationError)
    found = [
        {"where": ".".join(map(_part, one["loc"][1:] or one["loc"])), "problem": one["msg"]} for one in error.errors()
    ]
    counted = "1 value" if len(found) == 1 else f"{len(found)} values"
    return problem(422, "CR-HTTP-422", f"{counted} in the request cannot be used", problems=found)


def _part(part: object) -> str:
    """A part of where it was. A name that the caller made up may be anything, so only what can be a field's is said."""
    return str(part) if isinstance(part, int) or _FIELD.fullmatch(str(part)) else UNREPEATED


def _database_failed(request: Request, error: Exception) -> JSONResponse:
    log(logging.ERROR, "the database failed", problem=type(error).__name__, request_id=_request_id(request))
    return problem(503, "CR-HTTP-503", "the operational database did not answer", headers={"Retry-After": "5"})


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """A defect. The caller sees a reference; the log has the same one, and where in the code it was."""
    reference = _request_id(request)
    # This answer is made outside our own middleware, so the headers are added here.
    headers = {**ALWAYS, REQUEST_ID: reference}
    log(logging.ERROR, "unexpected failure", request_id=reference, problem=type(error).__name__)
    return problem(500, "CR-HTTP-500", "something failed in the service", headers=headers, reference=reference)


def _request_id(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", "none"))
