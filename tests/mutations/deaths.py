"""What keeps dead letters few and whole: the breaker, over restarts too, and the redrive."""

from mutations.mutation import PROCESSOR, Mutation

DEAD = "tests/integration/processor/test_dead_letters.py"
REDRIVEN = "tests/integration/processor/test_redriving.py"

MUTATIONS = (
    Mutation(
        "too many deaths stop the processor",
        f"{PROCESSOR}/breaker.py",
        "            return index\n",
        "            return None\n",
        "tests/unit/processor/test_breaker.py::test_more_than_the_share_trips_at_the_record_that_died_last",
    ),
    Mutation(
        "the stop is kept in the directory",
        f"{PROCESSOR}/processor.py",
        "        await write_stop(self._directory, stop)\n",
        "",
        "tests/integration/processor/test_too_many_dead_letters.py"
        "::test_more_than_a_share_of_dead_records_stops_every_processor_until_it_is_resumed",
        "embedded",
    ),
    Mutation(
        "the window of deaths is kept with the position",
        f"{PROCESSOR}/breaker.py",
        '                before.recent if before else b"",\n',
        '                b"",\n',
        "tests/unit/processor/test_breaker.py::test_a_window_keeps_no_more_than_its_length",
    ),
    Mutation(
        "one bad record does not take its batch along",
        f"{PROCESSOR}/applying.py",
        '                _log.warning("batch_failed", records=len(records), fault=locate(fault), tries=tries)\n'
        "                if len(records) > 1:\n",
        '                _log.warning("batch_failed", records=len(records), fault=locate(fault), tries=tries)\n'
        "                if False:\n",
        f"{DEAD}::test_a_record_that_makes_an_unexpected_exception_is_found_and_buried_alone",
    ),
    Mutation(
        "a redrive takes the letter away in the transaction that applies it",
        f"{PROCESSOR}/letters.py",
        "                settled.gone.add(letter.id)\n",
        "                pass\n",
        f"{REDRIVEN}::test_letters_that_are_redriven_in_any_order_are_applied_and_gone",
        "embedded",
    ),
    Mutation(
        "a letter goes for its own record only",
        f"{PROCESSOR}/letters.py",
        "            if letter is None or letter.id == place or not await self._is_copy(record, letter):\n",
        "            if letter is None or letter.id == place:\n",
        f"{REDRIVEN}::test_a_record_that_names_a_letter_which_is_not_its_own_does_nothing_to_it",
        "embedded",
    ),
    Mutation(
        "a dead letter of an import's row counts as a failed row",
        f"{PROCESSOR}/letters.py",
        "                failed[row[0], letter.partition] += 1\n",
        "                pass\n",
        f"{REDRIVEN}::test_a_dead_letter_of_an_imports_row_is_a_failed_row_until_it_is_applied",
        "embedded",
    ),
    Mutation(
        "a gap is never skipped in silence",
        f"{PROCESSOR}/gaps.py",
        "    return any(_is_open(gap, gone) or _is_same(gap, gone)",
        "    return True or any(_is_open(gap, gone) or _is_same(gap, gone)",
        "tests/integration/processor/test_standing_still.py"
        "::test_records_that_are_gone_stop_the_processor_which_says_so",
        "embedded",
    ),
)
