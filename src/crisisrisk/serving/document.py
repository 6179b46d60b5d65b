"""The OpenAPI document, and a page that reads it without the internet."""

import json
from html import escape
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from crisisrisk.serving.fhir import FHIR, under_fhir
from crisisrisk.serving.problems import PROBLEM

ABOUT = (
    "Who and where a contact with a crisis service is likely, for the services that respond. "
    "A number says nothing about harm, and a small one is not reassurance."
)
_UNREADABLE = {
    "description": "The body cannot be read as what it says it is.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def describe(app: FastAPI) -> None:
    """Let the application's OpenAPI document say problem+json where it answers with problems."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
            app.openapi_schema = _with_problems(made)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def document_text(app: FastAPI) -> str:
    """The document as it is committed."""
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            if "requestBody" in operation:
                operation["responses"].setdefault("400", {**_UNREADABLE})
            for status, response in operation["responses"].items():
                content = response.get("content", {}).get("application/json", {})
                if under_fhir(path):  # resources of FHIR, an OperationOutcome where it fails
                    operation["responses"][status] = {**response, "content": {FHIR: {"schema": {"type": "object"}}}}
                    continue
                if status >= "400" and content.get("schema", {}).get("$ref", "").endswith("/Problem"):
                    operation["responses"][status] = {**response, "content": {PROBLEM: content}}
    return document


def docs_page(app: FastAPI) -> None:
    """A plain page of the addresses at /docs. It loads nothing from anywhere."""
    app.get("/docs", include_in_schema=False)(_docs)


def _docs(request: Request) -> HTMLResponse:
    """No closure over the application: FastAPI keeps every function that it looked at, and what is in its cells."""
    app: FastAPI = request.app
    return HTMLResponse(_page(app.openapi()))


def _page(document: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{method.upper()} {escape(path)}</code></td><td>{escape(operation['summary'])}</td>"
        f"<td>{escape(operation.get('description', ''))}</td></tr>"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    title = f"{escape(document['info']['title'])} {escape(document['info']['version'])}"
    return (
        f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body><h1>{title}</h1><p>{escape(ABOUT)}</p><p><a href="/openapi.json">The OpenAPI document</a></p>'
        f"<table>{rows}</table></body></html>\n"
    )
