"""The native reply: what became of each item, in the words of CONTRACT 4."""

from starlette.responses import Response

from contactfold.domain.outcome import Reason
from contactfold.domain.stamp import format_event_id
from contactfold.web.problems import JsonResponse, Problem, problem_response, reason_objects
from contactfold_ingest.accepting import Fate, Taken

_MOST_REASONS = 100
"""Reasons repeated beside the results of a request that was refused whole; the results have all of them."""


def reply(taken: Taken) -> Response:
    """202 where all were accepted, 207 some, 422 none."""
    results = [_tell(place, fate) for place, fate in enumerate(taken.fates)]
    members = {"results": results, "ignored_fields": taken.ignored_fields}
    refused = len(taken.fates) - taken.accepted
    if taken.accepted or not refused:
        return JsonResponse(members, status_code=207 if refused else 202)
    reasons: list[Reason] = [reason for fate in taken.fates for reason in fate.reasons]
    if refused == 1:
        detail = " ".join(reason.message for reason in reasons)
    else:
        detail = f"None of the {refused} events was accepted; each one's reasons are in `results`."
    return problem_response(Problem(422, "rejected", detail, reasons=reasons[:_MOST_REASONS], members=members))


def _tell(place: int, fate: Fate) -> dict[str, object]:
    if fate.reasons or fate.event_id is None:
        return {"index": place, "status": "rejected", "reasons": reason_objects(fate.reasons)}
    event_id = format_event_id(fate.event_id)
    return {"event_id": event_id, "source": fate.source, "id": fate.id, "status": "accepted"}
