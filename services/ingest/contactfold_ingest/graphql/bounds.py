"""How large a query may be, whatever it asks for.

Checked before anything else looks at the document: the time that validation takes grows with the square of the fields
and, through fragments that name fragments, without any bound. Customers written out in a query count as tokens alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
)

MOST_TOKENS = 100_000
"""Words and brackets: a batch of 1,000 customers with 10 values each, written out, has 86,010."""
MOST_WRITTEN = 200
"""Fields and fragments as they are written; what tools ask to know the whole schema has 75."""
MOST_FIELDS = 1_000
"""Fields that come of them once every fragment stands where it is named."""
MOST_ALIASES = 15
DEEPEST = 16
"""Fields within fields; what tools ask to know the whole schema has up to 15."""


@dataclass(slots=True)
class Extent:
    """How much a selection asks for, its fragments counted wherever they stand."""

    fields: int = 0
    aliases: int = 0
    depth: int = 0

    def add(self, other: "Extent", *, deeper: int) -> None:
        """Count what stands within, `deeper` levels below."""
        self.fields += other.fields
        self.aliases += other.aliases
        self.depth = max(self.depth, other.depth + deeper)


class _Measuring:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Extent] = {}
        self.written = 0

    def measure(self, selections: SelectionSetNode | None) -> Extent:
        found = Extent()
        for selection in () if selections is None else selections.selections:
            self.written += 1
            if self.written > MOST_WRITTEN:
                raise GraphQLError(f"The query names more than {MOST_WRITTEN} fields and fragments; ask for less.")
            if isinstance(selection, FragmentSpreadNode):
                found.add(self.measure_fragment(selection.name.value), deeper=0)
            elif isinstance(selection, FieldNode):
                found.fields += 1
                found.aliases += selection.alias is not None
                found.add(self.measure(selection.selection_set), deeper=1)
            else:
                found.add(self.measure(getattr(selection, "selection_set", None)), deeper=0)
        return found

    def measure_fragment(self, name: str) -> Extent:
        """A fragment's extent, worked out once. One that names itself is refused by validation; here it is nothing."""
        known = self._known.get(name)
        if known is None and name in self._fragments:
            self._known[name] = Extent()
            known = self._known[name] = self.measure(self._fragments[name].selection_set)
        return known or Extent()


def check_bounds(document: DocumentNode) -> None:
    """Raise `GraphQLError` for a query that asks for more than anybody needs."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    measuring = _Measuring(fragments)
    whole = Extent()
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            whole.add(measuring.measure(definition.selection_set), deeper=0)
    for name in fragments:
        measuring.measure_fragment(name)
    for found, most, what in (
        (whole.depth, DEEPEST, "levels of fields"),
        (whole.aliases, MOST_ALIASES, "aliases"),
        (whole.fields, MOST_FIELDS, "fields"),
    ):
        if found > most:
            raise GraphQLError(f"The query has more than {most} {what}; ask for less.")
