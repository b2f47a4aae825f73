"""The list of imports, a page at a time, the latest first."""

from starlette.datastructures import QueryParams

from contactfold.domain.outcome import Reason
from contactfold.domain.stamp import format_event_id, parse_event_id
from contactfold.ports import Directory
from contactfold.web.problems import Problem
from contactfold_ingest.imports.description import LARGEST_PAGE, USUAL_PAGE, WRONG_CURSOR
from contactfold_ingest.imports.progress import find_progress, import_object


async def list_imports(directory: Directory, query: QueryParams) -> dict[str, object]:
    """A page of imports as JSON shows them. Raises `Problem` 422 for a query that is wrong."""
    limit, before = _read_limit(query), _read_after(query)
    found = await directory.list_imports(before=before, limit=limit + 1)
    page = found[:limit]
    progress = await find_progress(directory, page)
    items = [import_object(one, progress[one.id]) for one in page]
    return {"items": items, "next": page[-1].id if len(found) > limit else None}


def _read_limit(query: QueryParams) -> int:
    raw = query.get("limit")
    if raw is None:
        return USUAL_PAGE
    if raw.isascii() and raw.isdecimal() and len(raw) < 10 and 1 <= int(raw) <= LARGEST_PAGE:
        return int(raw)
    message = f"limit: a whole number from 1 to {LARGEST_PAGE}."
    raise Problem(422, "invalid_request", message, reasons=[Reason("invalid_field", message, "limit")])


def _read_after(query: QueryParams) -> str | None:
    raw = query.get("after")
    if raw is None:
        return None
    packed = parse_event_id(raw)
    if packed is None:
        raise Problem(422, "invalid_cursor", WRONG_CURSOR, reasons=[Reason("invalid_cursor", WRONG_CURSOR, "after")])
    return format_event_id(packed)
