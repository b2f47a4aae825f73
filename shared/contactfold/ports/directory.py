"""Where contacts live: the port `Directory`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from contactfold.domain.changes import Changes, DeadLetter, Evidence, Partition, Window
from contactfold.domain.directives import Gate, Mark, Rule, Settling
from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports.import_rows import ImportRows
from contactfold.ports.imports import Imports
from contactfold.ports.keys import Keys
from contactfold.ports.schedules import Schedules

DIRECTORY_ID = "id"
"""The setting that tells a directory from every other: letters and digits, made with it and never changed."""


class Directory(Keys, Imports, ImportRows, Schedules, Protocol):
    """Contacts, claims and evidence: MongoDB (a replica set), or SQLite for one machine.

    Reads may be mutually inconsistent while others write; `commit` is what makes a decision safe: it
    writes only where everything it replaces is still as it was loaded.
    """

    async def open(self) -> None:
        """Connect, and make the collections and indexes that are missing.

        Raises `Unavailable` where no server answers in time and `ServerUnfit` where it has no transactions or holds a
        format this version does not know.
        """
        ...

    async def close(self) -> None:
        """Let go of everything. May be called twice."""
        ...

    async def probe(self) -> None:
        """Return while the directory can be written; raise `Unavailable` with the reason while it cannot."""
        ...

    # ---- what a batch loads

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, Window]:
        """The positions stored for these partitions; absent ones were never applied. With `found == next`."""
        ...

    async def known(self, event_ids: Sequence[EventId]) -> set[EventId]:
        """Which of these events are in evidence already; a stub is no evidence."""
        ...

    async def marks(self, event_ids: Sequence[EventId]) -> dict[EventId, Mark]:
        """What retractions say of those of these events that are in evidence or have a stub."""
        ...

    async def pieces(self, event_ids: Sequence[EventId]) -> list[Evidence]:
        """Those of these events that are in evidence, in no order."""
        ...

    async def claims(self, identifiers: Sequence[str]) -> dict[str, Claim]:
        """The claims that exist, by identifier."""
        ...

    async def contacts(self, handles: Sequence[Handle]) -> dict[Handle, Contact]:
        """The contacts stored under these handles (absorbed handles find nothing here)."""
        ...

    async def components(self, ids: Sequence[EventId]) -> dict[EventId, Component]:
        """The component documents that exist."""
        ...

    async def members(self, components: Sequence[EventId]) -> list[Contact]:
        """Every contact that points to one of these components."""
        ...

    async def evidence_of(self, contacts: Sequence[Contact]) -> list[Evidence]:
        """All evidence written under these contacts' handles or the handles they absorbed, in stamp order."""
        ...

    async def evidence_page(self, contact: Contact, *, after: Stamp | None, limit: int) -> list[Evidence]:
        """Up to `limit` of a contact's evidence in stamp order, those after `after`; none only at the end.

        A page of large events ends early, at `ANSWER_BYTES`; the memory of one page is bounded however much evidence
        the contact has.
        """
        ...

    async def fragments(self, keys: Sequence[tuple[str, Partition]]) -> dict[tuple[str, Partition], Fragment]:
        """The fragments of these organisations that these partitions hold."""
        ...

    # ---- what directives load

    async def rules(self, *, after: int) -> list[Rule]:
        """The rules with a larger number than `after`, in the order of their numbers."""
        ...

    async def gates(self, subjects: Sequence[str]) -> list[Gate]:
        """Every gate of these subjects, in no order."""
        ...

    async def settlings(self) -> list[Settling]:
        """Every directive that is settling, in the order of their ids."""
        ...

    async def sharers(self, identifier: str, *, after: Handle | None, limit: int) -> list[Contact]:
        """Up to `limit` contacts with this identifier in `shared`, in the order of handles, those after `after`."""
        ...

    async def evidence_of_import(self, import_id: str, *, after: int, limit: int) -> list[Evidence]:
        """Up to `limit` pieces of evidence of an import's rows past the row `after`, in the order of rows.

        As `evidence_page`, a page ends early at `ANSWER_BYTES`.
        """
        ...

    async def count_import(self, import_id: str) -> int:
        """How many pieces of evidence an import's rows have made."""
        ...

    async def evidence_of_account(
        self, account_id: str, partition: Partition, *, after: Stamp | None, limit: int
    ) -> list[Evidence]:
        """Up to `limit` pieces of a partition's evidence about an organisation in stamp order, those after `after`.

        As `evidence_page`, a page ends early at `ANSWER_BYTES`.
        """
        ...

    async def loose_evidence(self, *, after: EventId | None, limit: int) -> list[Evidence]:
        """Up to `limit` pieces of evidence of no contact, or retracted, in the order of event ids, those after `after`.

        As `evidence_page`, a page ends early at `ANSWER_BYTES`.
        """
        ...

    # ---- what a batch writes

    async def prepare(self, changes: Changes) -> None:
        """Do as much of a `commit` as needs no server, while another one goes on.

        Only evidence and contacts may be made ready, and neither is to change any more. May do nothing.
        """
        ...

    async def commit(self, changes: Changes) -> None:
        """Write all of it in one transaction, durable when it returns; or write nothing of it and raise.

        - `Fenced` where a stored position is not `Window.found`: checked before anything else;
        - `RetryOnFreshState` where anything else is not as it was loaded: evidence that exists already,
          an object with another version, an object that should be absent (version 0) but exists, or one that should
          exist but is gone; a rule whose number another rule has, a rule past `rules_known`; also for every conflict
          the server reports by itself (`Collided`);
        - `TooLarge` where a document of it is larger than the directory ever takes;
        - `Unavailable` where the server is away: whether it was written is told by the positions alone.

        A dead letter that exists already under its id is replaced.
        """
        ...

    # ---- what people read

    async def evidence(self, event_id: EventId) -> Evidence | None:
        """One event in evidence."""
        ...

    async def contact_of(self, event_id: EventId) -> Contact | None:
        """The contact that an event's evidence belongs to now: every id ever handed out is such an event's."""
        ...

    async def contact_by_handle(self, handle: Handle) -> Contact | None:
        """The contact with this handle, or the one that absorbed it."""
        ...

    async def list_contacts(self, *, after: Handle | None, limit: int, nobodies: bool = False) -> list[Contact]:
        """Up to `limit` contacts in the order of their handles, those after `after`; those who were erased if asked."""
        ...

    def export_contacts(self) -> AsyncIterator[Contact]:
        """Every contact in the order of public ids, as of one moment (a snapshot), in flat memory."""
        ...

    async def organization(self, account_id: str) -> list[Fragment]:
        """All fragments of one organisation."""
        ...

    async def members_of(self, account_id: str, *, after: Handle | None = None, limit: int) -> list[Contact]:
        """Up to `limit` contacts that link to an organisation, in the order of handles, those after `after`."""
        ...

    async def latest_of_account(
        self, account_id: str, partition: Partition, *, before: Stamp | None, limit: int
    ) -> list[Evidence]:
        """Up to `limit` pieces of a partition's evidence about an organisation, latest first, those before `before`.

        As `evidence_page`, a page ends early at `ANSWER_BYTES`.
        """
        ...

    def export_fragments(self) -> AsyncIterator[Fragment]:
        """Every fragment in the order of (account_id, partition)."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager["Directory"]:
        """The directory as of one moment, for reading only: contacts and organisations of one export agree."""
        ...

    async def dead_letters(self, *, after: str | None, limit: int) -> list[DeadLetter]:
        """Up to `limit` dead letters in the order of their ids, those after `after`; none only at the end.

        A page of large letters ends early, at `ANSWER_BYTES`.
        """
        ...

    async def dead_letter(self, letter_id: str) -> DeadLetter | None:
        """One dead letter."""
        ...

    async def counts(self) -> Mapping[str, int]:
        """How many `contacts`, `evidence` and `dead_letters` there are, for people; may be estimated."""
        ...

    # ---- settings

    async def setting(self, name: str) -> bytes | None:
        """A setting kept in the directory (`stopped`, `format`, ...), or None."""
        ...

    async def set_setting(self, name: str, value: bytes | None) -> None:
        """Keep a setting, or forget it with None. Durable when it returns."""
        ...

    # ---- what a verification reads

    async def list_evidence(self, *, after: EventId | None, limit: int) -> list[Evidence]:
        """Up to `limit` pieces of evidence in the order of event ids, those after `after`; none only at the end.

        As `evidence_page`, a page ends early at `ANSWER_BYTES`.
        """
        ...

    async def list_claims(self, *, after: str | None, limit: int) -> list[Claim]:
        """Up to `limit` claims in the order of identifiers (as UTF-8 sorts them), those after `after`."""
        ...

    async def list_components(self, *, after: EventId | None, limit: int) -> list[Component]:
        """Up to `limit` component documents in the order of their ids, those after `after`."""
        ...

    async def list_fragments(self, *, after: tuple[str, Partition] | None, limit: int) -> list[Fragment]:
        """Up to `limit` fragments in the order of (account_id, partition), those after `after`."""
        ...

    async def members_page(self, component: EventId, *, after: Handle | None, limit: int) -> list[Contact]:
        """Up to `limit` contacts that point to a component in the order of handles, those after `after`."""
        ...

    async def holders(self, handles: Sequence[Handle]) -> dict[Handle, list[Handle]]:
        """For each of these handles that some contact has or absorbed: the contacts that do, in no order."""
        ...

    async def count_evidence(self, handles: Sequence[Handle]) -> dict[Handle, int]:
        """How many pieces of evidence are written under each of these handles; those with none are absent."""
        ...

    async def in_histories(self, pieces: Mapping[EventId, Handle]) -> set[EventId]:
        """Those of these pieces of evidence, each under the handle given, that `evidence_of` finds by that handle."""
        ...

    async def letters(self, ids: Sequence[str]) -> list[DeadLetter]:
        """Those of these dead letters that exist, in no order."""
        ...
