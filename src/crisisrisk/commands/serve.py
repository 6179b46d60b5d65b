"""Running the service."""

from collections.abc import Mapping
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

from crisisrisk.errors import UsageError
from crisisrisk.tables.site import Site
from crisisrisk.timeline import ShiftPattern


def serve(site: Site, *, host: str, port: int, environ: Mapping[str, str]) -> None:
    """Bring the database up to date and answer requests until stopped. Raises UsageError without the extra `serve`."""
    from crisisrisk.serving.imports import refuse_imports

    refuse_imports()
    try:
        import uvicorn

        from crisisrisk.serving.app import create_app
    except ModuleNotFoundError as missing:
        raise UsageError(
            "CR-USE-001", f"the service needs {missing.name}, which is not installed",
            hint="pip install 'crisisrisk[serve]'",
        ) from None  # fmt: skip
    from crisisrisk.database.upgrade import current_engine
    from crisisrisk.database.work_lock import SERVE_LOCK, answering
    from crisisrisk.serving.demo_issuer import with_demo_issuer
    from crisisrisk.serving.logs import log_configuration
    from crisisrisk.serving.server import LEAD_SECONDS, MOST_CONNECTIONS, STOP_SECONDS, DrainingServer
    from crisisrisk.serving.settings import read_settings

    settings = read_settings(site, environ)
    current_engine(site.database_url).dispose()
    with answering(site.state / SERVE_LOCK), with_demo_issuer(settings, host=host, port=port) as complete:
        app = create_app(complete)
        configuration = uvicorn.Config(
            app, host=host, port=port, log_config=log_configuration(settings.log_level),
            access_log=False, server_header=False, date_header=True, limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=STOP_SECONDS - LEAD_SECONDS,
        )  # fmt: skip
        DrainingServer(configuration, app.state.service).run()


def openapi_document() -> str:
    """The OpenAPI document of the service as it is committed. It depends on no site."""
    from crisisrisk.serving.app import create_app
    from crisisrisk.serving.document import document_text
    from crisisrisk.serving.settings import read_settings

    nowhere = Path("/nowhere")
    shift = ShiftPattern(name="night", starts=time(22), ends=time(8))
    site = Site(
        path=nowhere,
        name="",
        time_zone=ZoneInfo("Europe/London"),
        shifts=(shift,),
        sources={},
        database_url="sqlite://",
    )
    return document_text(create_app(read_settings(site, {})))
