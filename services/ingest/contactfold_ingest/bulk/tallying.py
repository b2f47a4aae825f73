"""Counting what became of the customers of one request (CONTRACT 5)."""

from collections.abc import Mapping

from contactfold.domain.event import ACTIONS, IGNORE
from contactfold.domain.outcome import CREATED, IGNORED, REJECTED, Outcome
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId, format_event_id
from contactfold_ingest.accepting import Taken
from contactfold_ingest.bulk.request import Batch
from contactfold_ingest.bulk.words import tell

COUNTED = dict(zip(ACTIONS, ("appendedCount", "updatedCount", "replacedCount", "ignoredCount"), strict=True))
"""The member that counts whoever was there already, by the request's action."""


class Tally:
    """The reply's counts, and the customers that were not taken, in the order of the request.

    Every customer is in one count. `pending` are the events that the log holds and the directory has not applied yet.
    """

    def __init__(self, batch: Batch, schema: Schema) -> None:
        self._batch = batch
        self._schema = schema
        self._met = COUNTED[batch.action]
        self._counts = {"insertedCount": 0, self._met: 0, "rejectedCount": 0}
        self._left_out: list[dict[str, object]] = []
        self.pending: list[EventId] = []

    def count(self, taken: Taken, outcomes: Mapping[EventId, Outcome]) -> None:
        """Take in what became of every customer."""
        for customer, fate in zip(self._batch.customers, taken.fates, strict=True):
            if fate.reasons or fate.event_id is None:
                self._counts["rejectedCount"] += 1
                self._left_out.append({"customer": customer, "reason": tell(customer, fate.reasons, self._schema)})
            elif outcome := outcomes.get(fate.event_id):
                self._count_outcome(customer, outcome)
            else:
                self.pending.append(fate.event_id)

    def _count_outcome(self, customer: object, outcome: Outcome) -> None:
        ignoring = self._batch.action == IGNORE
        if outcome.status in {IGNORED, REJECTED}:
            self._counts[self._met if ignoring and outcome.status == IGNORED else "rejectedCount"] += 1
            self._left_out.append({"customer": customer, "reason": tell(customer, outcome.reasons, self._schema)})
        elif outcome.status == CREATED or ignoring:
            # What `ignore` did not ignore has made somebody, though they may have been met before it was applied.
            self._counts["insertedCount"] += 1
        else:
            self._counts[self._met] += 1

    def reply(self, ignored_fields: list[str]) -> dict[str, object]:
        """The reply's members. Those that the contract does not name are there only where they say something."""
        told: dict[str, object] = {**self._counts, "rejectedCustomers": self._left_out}
        if ignored_fields:
            told["ignoredFields"] = ignored_fields
        if self.pending:
            told["pendingCount"] = len(self.pending)
            told["pendingEvents"] = [format_event_id(event_id) for event_id in self.pending]
        return told
