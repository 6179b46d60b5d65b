"""`python -m crisisrisk.serving.health [PORT]`: asks the service on this machine whether it answers. For containers."""

import http.client
import sys
import urllib.request

SECONDS = 3
# A proxy that the environment names is for the world outside; this machine is asked directly.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(port: int) -> bool:
    """Whether /healthz on this machine says ok."""
    try:
        with _DIRECTLY.open(f"http://127.0.0.1:{port}/healthz", timeout=SECONDS) as response:
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(0 if answers(int(sys.argv[1]) if len(sys.argv) > 1 else 8000) else 1)
