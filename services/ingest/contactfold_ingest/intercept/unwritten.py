"""Requests that are answered and not written down: crawlers, and people who ask not to be followed.

The script tells nothing for somebody who asks so; these are the same signs where a browser sends them itself. Crawlers
are known by their names alone: whoever wants to pass for a browser can, and no test in a real browser is taken for one.
"""

import re
from typing import Literal

from contactfold_ingest.bodies import Fields

_CRAWLERS = re.compile(
    rb"(?<!cu)bot\b|crawl|spider|slurp|facebookexternalhit|facebookcatalog|mediapartners-google|google-inspectiontool"
    rb"|googleother|feedfetcher|bingpreview|embedly|chrome-lighthouse|ptst/|pingdom|uptime|statuscake|site24x7"
    rb"|prerender|rendertron|semrush|ahrefs|yandex(?:images|metrika|accessibility)|duckduckgo-favicons|[a-z]-user\b"
    rb"|cohere-ai|meta-externalfetcher|bytespider",
    re.IGNORECASE,
)
_LONGEST = 1000
"""Bytes of a `User-Agent` that are looked at."""

Why = Literal["bot", "do_not_track"]
"""Why a request is not written down."""


def find_reason(headers: Fields) -> Why | None:
    """Why nothing of this request is written down, or None where it is."""
    if headers.get(b"dnt", b"").strip() == b"1" or headers.get(b"sec-gpc", b"").strip() == b"1":
        return "do_not_track"
    return "bot" if _CRAWLERS.search(headers.get(b"user-agent", b"")[:_LONGEST]) else None
