"""What reports ask about the rows of imports (the port `ImportRows`): bounded questions, off the way of batches."""

from collections.abc import Sequence
from typing import Protocol

from contactfold.domain.changes import DeadLetter, Evidence
from contactfold.domain.directory import Handle
from contactfold.domain.stamp import EventId


class ImportRows(Protocol):
    """What became of the rows of imports."""

    async def rows_of_import(
        self, import_id: str, *, after: int, through: int, status: str | None, limit: int
    ) -> list[Evidence]:
        """Up to `limit` pieces of evidence of an import's rows past the row `after`, up to `through`, in their order.

        Those whose outcome has this status, where one is named. A page ends early at `ANSWER_BYTES`, but never within
        a row. `through` bounds what is read to find them.
        """
        ...

    async def erased_imports(self, import_ids: Sequence[str]) -> set[str]:
        """Those of these imports that an erasure has reached: it took a row's evidence, or dead letter, its payload."""
        ...

    async def letters_of_import(self, import_id: str, *, after: tuple[int, str] | None, limit: int) -> list[DeadLetter]:
        """Up to `limit` dead letters of an import's rows in the order of (row, id), those after `after`.

        A page of large letters ends early, at `ANSWER_BYTES`.
        """
        ...

    async def ids_of_contacts(self, handles: Sequence[Handle]) -> dict[Handle, EventId]:
        """The public id of the contact that each of these handles is of now, be it absorbed.

        Handles of nobody are absent.
        """
        ...
