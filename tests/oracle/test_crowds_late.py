"""What comes late to a crowd and is merely stepped leaves what a fold from nothing does (`domain/lateness.py`)."""

import pytest

from oracle.choosing import SeededChooser
from oracle.crowds import check_the_crowd, make_crowd
from oracle.depth import deep

HISTORIES = 300
"""Histories of one test, about a third of a second."""


@pytest.mark.parametrize("seed", range(deep(10)))
def test_what_is_late_for_others_only_leaves_what_the_fold_does(seed: int) -> None:
    stepped = 0
    for number in range(HISTORIES):
        events, rules, arrival = make_crowd(SeededChooser(f"{seed}/{number}"))
        try:
            stepped += check_the_crowd(events, rules, arrival)
        except AssertionError as broken:
            told = "\n".join(f"{place}: {event}" for place, event in enumerate(events))
            raise AssertionError(f"{broken}\n{told}\n{rules.shared=} {rules.apart=}\narrives {arrival}") from None
    assert stepped > 0, "nothing of all this was stepped late"
