"""The service as a process: told to stop under load, and asked for more than it can answer."""

import asyncio
import gc
import http.client
import json
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from benchmarks.open_loop import NO_ANSWER, Load, Running, Seen
from tests.lib.running_service import RunningService, running_service
from tests.lib.service_site import SERVICE, ServiceSite

from crisisrisk.serving.app import create_app
from crisisrisk.serving.server import STOP_SECONDS, DrainingServer
from crisisrisk.serving.settings import read_settings

BOARD = "/api/v1/shifts/night-2026-11-22/hotspots"


def board_load(site: ServiceSite, service: RunningService, *, a_second: float, seconds: float) -> Load:
    header = f"X-API-Key: {site.key('crisis_team')}"
    return Load(port=service.port, a_second=a_second, seconds=seconds, paths=(BOARD,), headers=(header,))


def requests_logged(log: Path) -> int:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return sum(line["event"] == "request" and line["route"].endswith("/hotspots") for line in lines)


def ready(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    finally:
        connection.close()


def test_what_is_there_at_the_start_is_not_looked_through_for_rubbish_at_requests(shared_site: ServiceSite) -> None:
    """It stopped everybody for a fifth of a second, at every twentieth page of 600 places."""

    async def frozen() -> int:
        app = create_app(read_settings(shared_site.site, {}))
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None)
        server = DrainingServer(config, app.state.service)
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        try:
            return gc.get_freeze_count()
        finally:
            gc.unfreeze()
            await server.shutdown()

    assert asyncio.run(frozen()) > 100_000


@pytest.mark.slow
def test_a_service_that_is_told_to_stop_says_so_answers_what_came_and_ends_with_0(
    own_site: ServiceSite, tmp_path: Path
) -> None:
    with running_service(own_site.site.path, tmp_path / "log") as service:
        assert ready(service.port) == 200
        load = Running(board_load(own_site, service, a_second=15, seconds=8))
        patience = time.monotonic() + 60
        while service.log.read_text().count("/hotspots") < 30 and time.monotonic() < patience:
            time.sleep(0.1)  # who asks is a process too, and begins in its own time
        assert service.log.read_text().count("/hotspots") >= 30, "it is told to stop while it is asked"
        started = time.monotonic()
        ended = threading.Thread(target=service.stop)
        ended.start()
        while (said := ready(service.port)) == 200 and time.monotonic() < started + STOP_SECONDS:
            time.sleep(0.05)  # a busy machine hands a signal on in its own time
        assert said == 503, "it says that it is not ready while it still answers"
        ended.join(timeout=20)
        took, seen = time.monotonic() - started, load.seen()
        assert service.process.returncode == 0
        assert took < STOP_SECONDS + 1
    lost = seen.statuses.pop(NO_ANSWER, 0)
    assert set(seen.statuses) <= {200, 503}
    assert seen.statuses[200] == requests_logged(service.log), "what was done was received"
    refused = [one for one in seen.seconds.get(NO_ANSWER, []) if one > 1]
    assert (lost > 0, refused) == (True, []), "after its end nobody waits: connections are refused at once"


@pytest.mark.slow
def test_three_times_too_much_is_shed_and_it_is_normal_again_in_five_seconds(
    own_site: ServiceSite, tmp_path: Path
) -> None:
    own_site.declare("service.toml", f"{SERVICE}\n[limits]\nrequests_a_second = 100000\nburst = 100000\n")

    def under(load: Load) -> Seen:
        return Running(load).seen()

    with running_service(own_site.site.path, tmp_path / "log") as service:
        usual = under(board_load(own_site, service, a_second=10, seconds=3))
        assert usual.statuses == {200: 30}
        seen = under(board_load(own_site, service, a_second=600, seconds=3))
        assert set(seen.statuses) == {200, 503}
        time.sleep(5)
        after = under(board_load(own_site, service, a_second=10, seconds=3))
        assert after.statuses == {200: 30}
        assert service.stop() == 0


def test_a_slow_body_holds_nobody_up(own_site: ServiceSite, tmp_path: Path) -> None:
    own_site.declare("service.toml", f"{SERVICE}\n[limits]\nbody_seconds = 1\nat_once = 1\nwaiting = 1\n")
    with running_service(own_site.site.path, tmp_path / "log") as service:
        slow = [socket.create_connection(("127.0.0.1", service.port), timeout=20) for _ in range(8)]
        for number, connection in enumerate(slow):
            length = "Content-Length: 1000" if number % 2 else "Transfer-Encoding: chunked"
            connection.sendall(f"POST /api/v1/shifts HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n".encode())
            connection.sendall(b"x" if number % 2 else b"1\r\nx\r\n")
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
        connection.request("GET", BOARD, headers={"X-API-Key": own_site.key("crisis_team")})
        assert connection.getresponse().status == 200
        connection.close()
        answers = [connection.recv(10_000) for connection in slow]
        for connection in slow:
            connection.close()
        assert {answer.split(b" ", 2)[1] for answer in answers} == {b"408"}
        assert all(b"x-frame-options: DENY" in answer for answer in answers)
