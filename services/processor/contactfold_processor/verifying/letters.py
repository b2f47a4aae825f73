"""Dead letters against the positions: each is of a record that its partition is past."""

from contactfold.ports import DeadLetter, Directory
from contactfold_processor.verifying.findings import LETTER, Mismatch

PAGE = 500


class LetterCheck:
    """A dead letter is of a record before the position of its partition."""

    name = "dead_letters"

    async def page(self, moment: Directory, after: DeadLetter | None) -> list[DeadLetter]:
        """See `Check.page`."""
        return await moment.dead_letters(after=after.id if after else None, limit=PAGE)

    async def again(self, moment: Directory, documents: list[DeadLetter]) -> list[DeadLetter]:
        """See `Check.again`."""
        return await moment.letters([letter.id for letter in documents])

    async def compare(self, moment: Directory, documents: list[DeadLetter]) -> list[Mismatch]:
        """See `Check.compare`."""
        positions = await moment.positions(list({letter.partition for letter in documents}))
        found: list[Mismatch] = []
        for letter in documents:
            window = positions.get(letter.partition)
            position = 0 if window is None else window.next
            if letter.offset >= position:
                expected = f"a record before the position, which is {position}"
                found.append(Mismatch(LETTER, letter.id, "place", f"{letter.partition}/{letter.offset}", expected))
        return found
