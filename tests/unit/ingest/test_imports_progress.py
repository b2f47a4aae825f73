"""How an import is told, from what its gates and retractions say."""

import pytest

from contactfold.ports import Import
from contactfold.ports.imports import COMPLETED, ROLLED_BACK, ROLLING_BACK
from contactfold_ingest.imports.progress import Progress, import_object

COUNTS = {"created": 2, "updated": 0, "unchanged": 0, "ignored": 0, "failed": 0}


@pytest.mark.parametrize(
    ("retracted", "settling", "status", "detail"),
    [
        (True, (1, 2), ROLLING_BACK, ""),
        (True, None, ROLLED_BACK, ""),
        (False, (1, 2), ROLLING_BACK, "Its rollback is being taken back: what its rows said is being put back."),
        (False, None, COMPLETED, ""),
    ],
)
def test_a_rollback_that_is_taken_back_says_which_way_it_goes(
    retracted: bool, settling: tuple[int, int] | None, status: str, detail: str
) -> None:
    one = Import("01", "people.csv", "file", {}, "crm", "", 0, ROLLED_BACK)
    one.total, one.whole, one.ending = 2, True, COMPLETED
    told = import_object(one, Progress(COUNTS, retracted, settling))
    assert (told["status"], told["detail"]) == (status, detail)
