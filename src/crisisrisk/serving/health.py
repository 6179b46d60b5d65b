"""`python -m crisisrisk.serving.health [PORT]`: asks the service on this machine whether it answers. For containers."""

import sys
import urllib.error
import urllib.request

SECONDS = 3


def answers(port: int) -> bool:
    """Whether /healthz on this machine says ok."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=SECONDS) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, TimeoutError):
        return False


if __name__ == "__main__":
    sys.exit(0 if answers(int(sys.argv[1]) if len(sys.argv) > 1 else 8000) else 1)
