"""Logs as JSON lines, from an allow-list of fields. A field that is not on it is never written."""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

FIELDS = (
    "method", "route", "status", "milliseconds", "request_id", "key_id", "role", "part", "code", "missing", "problem",
)  # fmt: skip
LOGGER = "crisisrisk.serving"


def log(level: int, event: str, **fields: Any) -> None:
    """Write one line. `event` is a fixed text; what changes goes into fields."""
    logging.getLogger(LOGGER).log(level, event, extra={"fields": fields})


class JsonLines(logging.Formatter):
    """One JSON object per record.

    Messages of other libraries are written without their arguments (but for the server's own) and never beyond their
    first line, and errors without their text: any may hold what somebody asked for. Where in the code an error arose
    is written instead.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": moment, "level": record.levelname.lower(),
            "event": _event(record),
        }  # fmt: skip
        fields = getattr(record, "fields", {})
        line |= {name: fields[name] for name in FIELDS if name in fields}
        if record.exc_info and record.exc_info[1] is not None:
            line |= _error(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def _event(record: logging.LogRecord) -> str:
    if record.name.split(".")[0] == "crisisrisk":
        return record.getMessage().strip()
    text = record.getMessage() if record.name.split(".")[0] == "uvicorn" else str(record.msg)
    # The server hands over whole tracebacks as messages; their last line is an error's text.
    first = (text.strip().splitlines() or [""])[0]
    return "a failure in the server" if first.startswith("Traceback") else first


def _error(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return {
        "error_type": type(error).__name__,
        "error_at": [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames],
    }


def log_configuration(level: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`: all to stderr as JSON lines; access lines come from our own middleware."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "crisisrisk": {"level": level.upper()},
            "uvicorn": {"level": "INFO"},
            "uvicorn.access": {"level": "CRITICAL"},
        },
    }
