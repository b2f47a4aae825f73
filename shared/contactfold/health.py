"""Whether the service of this machine is alive: `python -m contactfold.health`, for a container's health check."""

import sys
from urllib.error import URLError
from urllib.request import urlopen

from contactfold.domain.errors import Misconfigured
from contactfold.environment import load_settings

_PATIENCE = 3
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (where to ask, not where to bind)


def is_alive(host: str, port: int) -> bool:
    """Whether `/healthz` answers on the address that a service binds to."""
    asked = _ANY.get(host, host)
    authority = f"[{asked}]:{port}" if ":" in asked else f"{asked}:{port}"
    try:
        with urlopen(f"http://{authority}/healthz", timeout=_PATIENCE) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def main() -> int:
    """0 where the service answers, 1 where it does not."""
    try:
        settings = load_settings()
    except Misconfigured as error:
        print(error, file=sys.stderr)  # noqa: T201  (what a health check prints is what people find in its log)
        return 1
    return 0 if is_alive(settings.host, settings.port) else 1


if __name__ == "__main__":
    sys.exit(main())
