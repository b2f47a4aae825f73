"""A mutation: one change of the code by which the law no longer holds, and the test that notices."""

from dataclasses import dataclass

ADAPTERS = "shared/contactfold/adapters"
DOMAIN = "shared/contactfold/domain"
PROCESSOR = "services/processor/contactfold_processor"

SEEDS = "tests/oracle/test_the_law.py::test_larger_histories_of_fixed_seeds_keep_the_law"
LATE = "tests/oracle/test_the_law.py::test_however_events_arrive_the_directory_is_the_sequential_fold"
RULED = (
    "tests/oracle/test_the_law_of_directives.py::test_however_directives_arrive_the_directory_is_the_sequential_fold"
)
MET = (
    "tests/integration/concurrency/test_write_skew.py"
    "::test_of_two_batches_that_could_influence_each_other_the_second_is_sent_back"
)


@dataclass(frozen=True)
class Mutation:
    """`old` stands exactly once in `file` and is replaced by `new`; then `test` fails, of which `only` chooses cases.

    `name` says what is taken out. `test` is a file and a function as pytest names them.
    """

    name: str
    file: str
    old: str
    new: str
    test: str
    only: str = ""
