"""What makes every record count exactly once: positions, evidence, ids."""

from mutations.mutation import ADAPTERS, DOMAIN, LATE, PROCESSOR, Mutation

CONTRACT = "tests/contract/test_directory.py"
AHEAD = "tests/unit/processor/test_looking_ahead.py"

MUTATIONS = (
    Mutation(
        "the fence of a position, MongoDB",
        f"{ADAPTERS}/mongo_writing.py",
        '{"_id": document.pop("_id"), "next": window.found}',
        '{"_id": document.pop("_id")}',
        f"{CONTRACT}::test_one_fenced_partition_of_several_fences_the_whole_commit",
        "mongo",
    ),
    Mutation(
        "the fence of a position, SQLite",
        f"{ADAPTERS}/sqlite_writing.py",
        "    if stored != window.found:\n",
        "    if False:\n",
        f"{CONTRACT}::test_one_fenced_partition_of_several_fences_the_whole_commit",
        "sqlite",
    ),
    Mutation(
        "a fence is told from a conflict, MongoDB",
        f"{ADAPTERS}/mongo_writing.py",
        "        if found != window.found:\n",
        "        if False:\n",
        "tests/contract/test_directory_mongo.py::test_a_fence_is_told_from_a_conflict_where_both_are_there",
    ),
    Mutation(
        "positions are written with the changes",
        f"{PROCESSOR}/applying.py",
        "        decision.changes.positions = positions\n",
        "        decision.changes.positions = []\n",
        "tests/integration/processor/test_exactly_once.py::test_every_record_is_applied_exactly_once",
        "embedded",
    ),
    Mutation(
        "one event has one piece of evidence, MongoDB",
        f"{ADAPTERS}/mongo_writing.py",
        '        await _add(database, session, "evidence", added)\n',
        "        for one in added:\n"
        '            key = {"_id": one["_id"]}\n'
        '            await database["evidence"].replace_one(key, one, upsert=True, session=session)\n',
        f"{CONTRACT}::test_a_commit_that_conflicts_anywhere_leaves_nothing",
        "mongo and evidence",
    ),
    Mutation(
        "one event has one piece of evidence, SQLite",
        f"{ADAPTERS}/sqlite_evidence.py",
        'f"INSERT OR FAIL INTO evidence ({COLUMNS})',
        'f"INSERT OR REPLACE INTO evidence ({COLUMNS})',
        f"{CONTRACT}::test_of_two_commits_that_add_one_object_exactly_one_succeeds",
        "sqlite and evidence",
    ),
    Mutation(
        "an event in evidence is dropped by its id",
        f"{PROCESSOR}/deciding.py",
        "        for event_id in known:\n            del heard.statements[event_id]\n",
        "",
        LATE,
    ),
    Mutation(
        "every copy in a batch is accounted for",
        f"{PROCESSOR}/records.py",
        "        return [self.statements.pop(event_id)[1], *self.copies.pop(event_id, ())]\n",
        "        return [self.statements.pop(event_id)[1]]\n",
        "tests/integration/processor/test_redriving.py"
        "::test_every_copy_of_an_event_that_dies_is_a_letter_wherever_batches_are_cut",
    ),
    Mutation(
        "source and id are kept apart in an event's id",
        f"{DOMAIN}/stamp.py",
        'f"{source}\\0{own_id}"',
        'f"{source}{own_id}"',
        "tests/oracle/test_the_law.py::test_events_in_order_have_the_outcomes_of_the_sequential_fold",
    ),
    Mutation(
        "a time in the future is that of the receipt",
        "shared/contactfold/understanding.py",
        "pack_stamp(min(received_at, received_at if occurred_at is None else occurred_at), event_id)",
        "pack_stamp(received_at if occurred_at is None else occurred_at, event_id)",
        LATE,
    ),
    Mutation(
        "a time in the future is that of the receipt, of a record in normal form",
        "shared/contactfold/normal_form.py",
        "pack_stamp(min(occurred_at, received_at), event_id)",
        "pack_stamp(occurred_at, event_id)",
        "tests/unit/test_wire.py::test_a_mark_of_normal_form_lets_no_time_be_later_than_the_receipt",
    ),
    Mutation(
        "a record is read again from the position after a fence",
        f"{PROCESSOR}/processor.py",
        "found=fenced.found)\n                await self._start_over(reader, intake)\n",
        "found=fenced.found)\n",
        "tests/integration/processor/test_exactly_once.py"
        "::test_a_batch_that_another_worker_has_applied_is_neither_skipped_nor_repeated",
    ),
    Mutation(
        "a fetch that failed while a batch was written fails again before the next one",
        f"{PROCESSOR}/intake.py",
        "                self._fault = fault\n                return []\n",
        "                del fault\n                return []\n",
        f"{AHEAD}::test_what_goes_wrong_ahead_is_met_by_whoever_fetches_next",
    ),
    Mutation(
        "a partition that comes back has no hole where records were fetched ahead",
        f"{PROCESSOR}/intake.py",
        "skip_applied([record for record in portion if record.partition in held]) for portion",
        "skip_applied(portion) for portion",
        f"{AHEAD}::test_a_partition_that_goes_and_comes_back_has_no_hole",
    ),
    Mutation(
        "a batch is decided ahead on what the one before it writes",
        f"{PROCESSOR}/following.py",
        "mine | await self._directory.marks(rest) if rest else mine",
        "await self._directory.marks(event_ids)",
        f"{AHEAD}::test_a_batch_that_was_decided_meanwhile_is_written_as_one_that_was_decided_afterwards",
    ),
)
