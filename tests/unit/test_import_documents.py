"""Imports as documents: what a version does with one that knows less of it."""

from contactfold.adapters.import_documents import read_import, write_import
from contactfold.ports import Import


def test_a_version_that_knows_no_order_but_the_files_begins_again_and_passes_no_row_over() -> None:
    one = Import("A", "people.csv", "file", {}, "import", "here", 1, total=9, cut=5, cursor=5, grouped_by=(2, 0))
    document = write_import(one)
    assert (read_import(document).cursor, read_import(document).grouped_by) == (5, (2, 0))
    assert document["cursor"] == 0
    del document["grouped"]
    assert (read_import(document).cursor, read_import(document).grouped_by) == (0, ())
