"""The server process: told to stop, it first says that it is not ready, answers what still comes, and ends with 0."""

import asyncio
import gc
import socket
from types import FrameType

import uvicorn

from crisisrisk.serving.state import Service

STOP_SECONDS = 10
"""From being told to stop to the end, at most."""
LEAD_SECONDS = 2
"""Of these, how long requests are still taken, so that whoever sends them can see that it is no longer ready."""
MOST_CONNECTIONS = 1_000


class DrainingServer(uvicorn.Server):
    """A server that goes out of the way before it goes."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """What is there before the first request stays to the end: looking through it for rubbish stops everybody."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end, others hurry it. None is how the process ends: that is with 0."""
        if self.service.stopping:
            self.force_exit = self.should_exit
            self.should_exit = True
        else:
            self.service.stopping = True
            asyncio.get_running_loop().call_soon_threadsafe(self._stop_later)

    def _stop_later(self) -> None:
        asyncio.get_running_loop().call_later(LEAD_SECONDS, self._stop)

    def _stop(self) -> None:
        self.should_exit = True
