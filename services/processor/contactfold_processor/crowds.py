"""Crowds: what holds a component together that is too large to rebuild, so that a dead letter can name the way out."""

from collections import Counter
from collections.abc import Iterable, Sequence

from contactfold.domain.directory import Contact
from contactfold.domain.erasing import is_token
from contactfold.domain.schema import Schema
from contactfold.ports import Directory
from contactfold.wire import read_evidence

_CONTACTS, _PIECES = 5, 200
"""Contacts looked at, and pieces of evidence of each: what a crowd shares is found in any part of it."""


async def find_busiest(
    directory: Directory, schema: Schema, contacts: Sequence[Contact], named: Iterable[str], shared: frozenset[str]
) -> str:
    """The identifier that most contacts mention, of those that `contacts` of a component or a late event name.

    Where one contact is the whole crowd, the one that most of its evidence names. `shared` ones hold nobody together.
    """
    names = Counter(named)
    for contact in sorted(contacts, key=lambda one: one.size, reverse=True)[:_CONTACTS]:
        for piece in await directory.evidence_page(contact, after=None, limit=_PIECES):
            if not piece.retracted:
                names.update(name for name in read_evidence(piece, schema).identifiers if not is_token(name))
    candidates = names.keys() - shared or names.keys()
    mentions = {name: len(claim.mentions) for name, claim in (await directory.claims(list(candidates))).items()}
    return min(candidates, key=lambda name: (-mentions.get(name, 0), -names[name], name))
