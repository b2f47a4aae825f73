"""The mutations of tests/mutations, held against the code, the tests and docs/the-law.md (`make mutations`)."""

import re
from pathlib import Path

from mutations.catalogue import MUTATIONS
from mutations.mutation import Mutation

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "the-law.md"

ALL = [mutation for group in MUTATIONS.values() for mutation in group]


def test_what_each_mutation_takes_out_is_there_once() -> None:
    """Where the code was changed, change the mutation too, and try it."""
    found = {mutation.name: (ROOT / mutation.file).read_text().count(mutation.old) for mutation in ALL}
    assert {name: count for name, count in found.items() if count != 1} == {}
    assert [mutation.name for mutation in ALL if mutation.new == mutation.old] == []


def test_the_test_that_notices_each_mutation_exists() -> None:
    assert [mutation.test for mutation in ALL if not _exists(mutation.test)] == []


def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    return (ROOT / file).exists() and f"def {name}(" in (ROOT / file).read_text()


def test_no_two_mutations_have_one_name() -> None:
    names = [mutation.name for mutation in ALL]
    assert len(names) == len(set(names))


def test_the_page_has_every_mutation_with_the_test_that_notices_it() -> None:
    _, _, told = PAGE.read_text().partition("<!-- mutations -->\n")
    wanted = "\n".join(_write(heading, group) for heading, group in MUTATIONS.items())
    assert told.strip() == wanted.strip(), f"the page should have, after <!-- mutations -->:\n{wanted}"


def _write(heading: str, group: tuple[Mutation, ...]) -> str:
    rows = [
        f"| {one.name} | `{Path(one.file).name}` | `{one.test.removeprefix('tests/')}`{_cases(one)} |" for one in group
    ]
    return "\n".join(
        [f"#### {heading}\n", "| what is taken out | of | the test that fails |", "|---|---|---|", *rows, ""]
    )


def _cases(mutation: Mutation) -> str:
    return f" ({re.sub(' and .*', '', mutation.only)})" if mutation.only else ""
