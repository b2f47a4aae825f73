"""What keeps two batches apart that could influence each other: versions, and the documents that a batch raises."""

from mutations.mutation import ADAPTERS, DOMAIN, MET, PROCESSOR, Mutation

CHANGED = "tests/contract/test_directory.py::test_of_a_change_and_a_removal_exactly_one_succeeds"
KNOWN = "tests/oracle/test_counterexamples.py"

VERSIONS = (
    Mutation(
        "a document is replaced in the version it was loaded in only, MongoDB",
        f"{ADAPTERS}/mongo_writing.py",
        '["$version", record.version]',
        '["$version", "$version"]',
        MET,
        "mongo",
    ),
    Mutation(
        "a document is removed in the version it was loaded in only, MongoDB",
        f"{ADAPTERS}/mongo_writing.py",
        'DeleteOne({"_id": id_, "version": version})',
        'DeleteOne({"_id": id_})',
        "tests/contract/test_directory.py::test_a_commit_that_conflicts_anywhere_leaves_nothing",
        "mongo",
    ),
    Mutation(
        "claims are taken from contacts that share no mention only",
        f"{PROCESSOR}/loading.py",
        "            if contact.component is not None:\n                continue\n            handle",
        "            handle",
        "tests/oracle/test_the_law.py::test_however_events_arrive_the_directory_is_the_sequential_fold",
    ),
    Mutation(
        "what was loaded before its component is confirmed afterwards",
        f"{PROCESSOR}/loading.py",
        "            await self._confirm(names, joined)\n",
        "            pass\n",
        f"{KNOWN}::test_an_identifier_released_while_its_component_is_loaded_is_free_to_be_claimed",
    ),
    Mutation(
        "a document is replaced in the version it was loaded in only, SQLite",
        f"{ADAPTERS}/sqlite_rows.py",
        '    where = " AND ".join(given[name] for name in (*key, "version"))\n',
        '    where = " AND ".join(given[name] for name in key)\n',
        MET,
        "sqlite",
    ),
    Mutation(
        "a document is removed in the version it was loaded in only, SQLite",
        f"{ADAPTERS}/sqlite_rows.py",
        '    where = " AND ".join(f"{name} = ?" for name in (*key, "version"))\n    expect(connection, len(gone)',
        '    where = " AND ".join([*(f"{name} = ?" for name in key), "? > 0"])\n    expect(connection, len(gone)',
        CHANGED,
        "sqlite",
    ),
    Mutation(
        "a write that finds nothing undoes all, MongoDB",
        f"{ADAPTERS}/mongo_writing.py",
        "    if sum(done.values()) != len(writes) or result.modified_count < changed:\n",
        "    if result.modified_count < changed:\n",
        "tests/contract/test_directory.py::test_a_commit_that_conflicts_anywhere_leaves_nothing",
        "mongo",
    ),
    Mutation(
        "a change that leaves a document as it is undoes all, MongoDB",
        f"{ADAPTERS}/mongo_writing.py",
        " or result.modified_count < changed:\n",
        ":\n",
        MET,
        "mongo",
    ),
    Mutation(
        "a version grows, MongoDB",
        f"{ADAPTERS}/mongo_contacts.py",
        'document["version"] = contact.next_version',
        'document["version"] = contact.version or contact.since + 1',
        MET,
        "mongo",
    ),
    Mutation(
        "who comes back goes on from no version it had",
        f"{DOMAIN}/rebuild.py",
        "secrets.randbits(_VERSION_BITS)",
        "0",
        "tests/integration/concurrency/test_who_comes_back.py"
        "::test_who_was_merged_away_and_parted_meanwhile_is_decided_anew",
    ),
    Mutation(
        "what was read at different moments must fit together",
        f"{PROCESSOR}/loading.py",
        "    for claim in claims.values():\n        for handle in claim.mentions:\n",
        "    return\n    for claim in claims.values():\n        for handle in claim.mentions:\n",
        f"{KNOWN}::test_an_identifier_released_between_the_loading_of_claims_and_of_contacts_is_not_its_old_owners",
    ),
)

STATEMENTS = (
    Mutation(
        "a statement raises its contact, also where it changes nothing",
        f"{DOMAIN}/step.py",
        "    excerpt.touched.add(contact.handle)\n    if contact.component is not None:\n",
        "    if not contact.version:\n        excerpt.touched.add(contact.handle)\n"
        "    if contact.component is not None:\n",
        MET,
        "memory",
    ),
    Mutation(
        "a statement raises the component of its contact",
        f"{DOMAIN}/step.py",
        "        excerpt.touched_components.add(component.id)\n",
        "",
        MET,
        "memory",
    ),
    Mutation(
        "a statement writes the claim of an identifier it is the first to name",
        f"{DOMAIN}/excerpt.py",
        "            claim.mentions.add(contact.handle)\n            self.touched_claims.add(identifier)\n        if",
        "            claim.mentions.add(contact.handle)\n        if",
        MET,
        "memory",
    ),
    Mutation(
        "a rebuild raises a contact that is its own component, also where nothing changes",
        f"{DOMAIN}/rebuild.py",
        "        excerpt.contacts[contact.handle] = contact\n        excerpt.touched.add(contact.handle)\n",
        "        excerpt.contacts[contact.handle] = contact\n"
        "        if contact.handle not in versions:\n            excerpt.touched.add(contact.handle)\n",
        MET,
        "memory",
    ),
    Mutation(
        "a rebuild leaves no contact unwritten but where it raises its component",
        f"{DOMAIN}/rebuild.py",
        "        guarded = member.component in excerpt.touched_components\n",
        "        guarded = True\n",
        "tests/unit/domain/test_rebuild.py"
        "::test_one_who_hangs_together_with_nobody_is_written_also_where_nothing_changes",
    ),
    Mutation(
        "a rebuild writes a contact that its batch has changed before",
        f"{DOMAIN}/rebuild.py",
        "        if guarded and member.handle not in written_before and",
        "        if guarded and",
        "tests/unit/domain/test_rebuild.py::test_what_was_changed_before_is_written_also_where_a_rebuild_leaves_it_so",
    ),
    Mutation(
        "a rebuild raises its component, also where nothing changes",
        f"{DOMAIN}/rebuild.py",
        "        excerpt.components[name] = component\n        excerpt.touched_components.add(name)\n",
        "        excerpt.components[name] = component\n"
        "        if not component.version:\n            excerpt.touched_components.add(name)\n",
        MET,
        "memory",
    ),
    Mutation(
        "a statement raises the fragment of its organisation, also where it wins no field",
        f"{PROCESSOR}/accounts.py",
        "        written = [fragment for fragment in self._fragments.values() if fragment.said != _NEVER]\n",
        "        heard = {_key(statement, partition) for statement, partition in self._heard}\n"
        "        winning = {_key(s, p) for s, p in self._heard if self._fragments[_key(s, p)].said <= s.stamp}\n"
        "        written = [\n"
        "            fragment\n"
        "            for key, fragment in self._fragments.items()\n"
        "            if fragment.said != _NEVER and (key not in heard or key in winning)\n"
        "        ]\n",
        MET,
        "memory",
    ),
)

DIRECTIVES = (
    Mutation(
        "a batch is refused where a rule was made since it asked, MongoDB",
        f"{ADAPTERS}/mongo_writing.py",
        '    if (latest["number"] if latest else 0) != known:\n',
        "    if False:\n",
        "tests/contract/test_directory_rules.py::test_what_was_decided_by_outdated_rules_is_refused",
        "mongo",
    ),
    Mutation(
        "a batch is refused where a rule was made since it asked, SQLite",
        f"{ADAPTERS}/sqlite_writing.py",
        "        if number != changes.rules_known:\n",
        "        if False:\n",
        "tests/contract/test_directory_rules.py::test_what_was_decided_by_outdated_rules_is_refused",
        "sqlite",
    ),
    Mutation(
        "a batch says which rules it was decided by",
        f"{PROCESSOR}/workspace.py",
        "            rules_known=self._book.number,\n",
        "",
        "tests/integration/concurrency/test_write_skew.py"
        "::test_a_batch_decided_by_rules_that_have_changed_since_is_sent_back_whatever_it_writes",
        "memory",
    ),
    Mutation(
        "a rule writes the claims of its identifiers",
        f"{PROCESSOR}/ruling.py",
        "        excerpt.touched_claims.add(claim.identifier)\n",
        "        pass\n",
        MET,
        "memory",
    ),
    Mutation(
        "a share closes the gates of its identifiers",
        f"{PROCESSOR}/ruling.py",
        "            workspace.gates.close(subject)\n",
        "            pass\n",
        MET,
        "memory",
    ),
    Mutation(
        "a statement passes the gates of shared identifiers it names",
        f"{PROCESSOR}/counting.py",
        "                workspace.gates.pass_through(gate_of_shared(identifier), record.partition)\n",
        "                pass\n",
        MET,
        "memory",
    ),
    Mutation(
        "a retraction of an import closes every gate of it",
        f"{PROCESSOR}/gates.py",
        "        for gate in gates.values():\n            self._touch(gate)\n",
        "        self._touch(gates[HEAD])\n",
        MET,
        "memory",
    ),
    Mutation(
        "the first row of a partition raises the head of the gates",
        f"{PROCESSOR}/gates.py",
        "            self._touch(gates.setdefault(HEAD, Gate(subject, HEAD)))\n",
        "            gates.setdefault(HEAD, Gate(subject, HEAD)).version or self._touch(gates[HEAD])\n",
        "tests/integration/concurrency/test_rows_of_a_new_partition.py"
        "::test_a_retraction_does_not_overlook_a_gate_that_is_made_beside_it",
        "memory",
    ),
    Mutation(
        "a rebuild that leaves a row out, or lets it in, raises the head of the gates",
        f"{PROCESSOR}/gates.py",
        "        self._touch(self._gates[subject].setdefault(HEAD, Gate(subject, HEAD)))\n",
        "        self._gates[subject].setdefault(HEAD, Gate(subject, HEAD))\n",
        "tests/integration/concurrency/test_rows_that_turn.py"
        "::test_a_row_that_a_rebuild_leaves_out_is_let_in_again_where_the_retraction_is_taken_back_meanwhile",
    ),
    Mutation(
        "a retraction of an event that has not arrived leaves a stub",
        f"{PROCESSOR}/settling.py",
        "    for event_id in marking:\n",
        "    for event_id in [one for one in marking if one in marks]:\n",
        MET,
        "memory",
    ),
    Mutation(
        "a mark raises what it is on, MongoDB",
        f"{ADAPTERS}/mongo_evidence.py",
        '"version": mark.version + 1}',
        '"version": mark.version or None}',
        "tests/contract/test_directory_retractions.py::test_of_two_marks_on_one_event_exactly_one_succeeds",
        "mongo",
    ),
    Mutation(
        "a mark raises what it is on, SQLite",
        f"{ADAPTERS}/sqlite_evidence.py",
        "retracted = coalesce(?, retracted), version = version + 1 ",
        "retracted = coalesce(?, retracted) ",
        "tests/contract/test_directory_retractions.py::test_of_two_marks_on_one_event_exactly_one_succeeds",
        "sqlite",
    ),
    Mutation(
        "an erasure keeps the claim absent that it found absent",
        f"{PROCESSOR}/ruling.py",
        "        workspace.absent_claims.append(identifier)\n",
        "        pass\n",
        MET,
        "memory",
    ),
    Mutation(
        "an erasure closes the gates of what is kept aside",
        f"{PROCESSOR}/ruling.py",
        "    workspace.gates.close(ASIDE)\n",
        "",
        "tests/integration/concurrency/test_erasures_beside_others.py"
        "::test_a_refused_event_keeps_nothing_of_an_identifier_that_is_erased_at_the_same_time",
        "mongo",
    ),
    Mutation(
        "what is kept aside passes a gate",
        f"{PROCESSOR}/aside.py",
        "        workspace.gates.pass_through(ASIDE, partition)\n",
        "        pass\n",
        "tests/integration/concurrency/test_erasures_beside_others.py"
        "::test_a_refused_event_keeps_nothing_of_an_identifier_that_is_erased_at_the_same_time",
        "mongo",
    ),
)

MUTATIONS = (*VERSIONS, *STATEMENTS, *DIRECTIVES)
