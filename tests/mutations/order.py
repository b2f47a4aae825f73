"""What makes the order of arrival count for nothing: stamps, the order check, plain statements, rebuilds."""

from mutations.mutation import ADAPTERS, DOMAIN, LATE, PROCESSOR, SEEDS, Mutation

KNOWN = "tests/oracle/test_counterexamples.py"
WHY = "tests/oracle/test_why_order_matters.py"
FOUND = (
    "tests/contract/test_directory_evidence.py"
    "::test_after_any_adding_merging_parting_and_moving_everybody_has_their_evidence"
)
GOES_ON = (
    "tests/contract/test_directory_evidence.py"
    "::test_a_contact_that_is_written_again_has_the_evidence_of_every_version_it_went_through"
)
HISTORIES = "tests/integration/verify/test_histories_in_mongodb.py"
NOT_PLAIN = f"{WHY}::test_what_is_not_plain_is_rebuilt_when_it_comes_late"
CONCERNED = f"{WHY}::test_what_is_late_for_somebody_it_concerns_is_not_merely_stepped"

CHECKED = (
    Mutation(
        "late events are told from others",
        f"{DOMAIN}/planning.py",
        "    group.late = [statement for statement in group.statements if statement.stamp < latest]\n",
        "    group.late = []\n",
        f"{WHY}::test_what_was_deleted_stays_deleted_where_the_value_comes_late",
    ),
    Mutation(
        "late is what comes before anything the whole component has seen, not the contacts it reaches",
        f"{DOMAIN}/planning.py",
        "            latest = max(latest, part.latest)\n",
        "            latest = max(latest, contact.last)\n",
        f"{WHY}::test_a_neighbour_that_named_what_a_late_replace_lets_go_of_makes_it_late",
    ),
    Mutation(
        "a component's latest stamp grows with each statement",
        f"{DOMAIN}/step.py",
        "        component.latest = max(component.latest, statement.stamp)\n",
        "",
        f"{WHY}::test_a_neighbour_that_named_what_a_late_replace_lets_go_of_makes_it_late",
    ),
    Mutation(
        "a contact's latest stamp grows with each statement",
        f"{DOMAIN}/step.py",
        "    contact.last = max(contact.last, statement.stamp)\n",
        "",
        f"{WHY}::test_what_was_deleted_stays_deleted_where_the_value_comes_late",
    ),
    Mutation(
        "contacts that share a mention are one component",
        f"{DOMAIN}/step.py",
        "            _unplain(excerpt, sharing)\n            excerpt.join(sharing, statement.event_id)\n        elif",
        "            _unplain(excerpt, sharing)\n        elif",
        f"{WHY}::test_a_neighbour_that_named_what_a_late_replace_lets_go_of_makes_it_late",
    ),
    Mutation(
        "contacts that join a component bring their latest stamp along",
        f"{DOMAIN}/excerpt.py",
        "                kept.latest = max(kept.latest, contact.last)\n",
        "",
        LATE,
    ),
    Mutation(
        "components that join keep the later of their stamps",
        f"{DOMAIN}/excerpt.py",
        "        kept.latest = max(kept.latest, part.latest)\n",
        "",
        SEEDS,
    ),
    Mutation(
        "members that nobody loaded move along when components join",
        f"{DOMAIN}/excerpt.py",
        "            self.moved_members.append((part.id, kept.id))\n",
        "            pass\n",
        f"{KNOWN}::test_a_component_made_and_joined_to_a_larger_one_in_one_batch_takes_along_members_nobody_loaded",
    ),
    Mutation(
        "claims of contacts that may merge are loaded",
        f"{DOMAIN}/planning.py",
        "    return {name for name in wanted if name not in claims}\n",
        "    return set()\n",
        LATE,
    ),
)

STAMPS = (
    Mutation(
        "a single value yields only to a later stamp",
        f"{DOMAIN}/fold.py",
        " or present[0] > statement.stamp:\n",
        ":\n",
        f"{WHY}::test_a_late_value_does_not_replace_a_later_one",
    ),
    Mutation(
        "an element keeps its smallest stamp",
        f"{DOMAIN}/fold.py",
        "            if element[:2] < present[:2]:\n                _move_up(elements, compared, element, written)\n",
        "            pass\n",
        f"{WHY}::test_a_late_addition_is_the_first",
    ),
    Mutation(
        "a link to an organisation keeps its smallest stamp",
        f"{DOMAIN}/fold.py",
        "    elif element[:2] < present[:2]:\n        _move_up(links, account_id, element, written)\n",
        "",
        f"{WHY}::test_a_late_link_to_an_organisation_is_the_first",
    ),
    Mutation(
        "of two contacts that merge the later single value stays",
        f"{DOMAIN}/fold.py",
        "        if mine is None or mine[0] < said[0]:\n",
        "        if mine is None:\n",
        f"{WHY}::test_of_two_who_merge_the_later_value_stays",
    ),
    Mutation(
        "of two contacts that merge the first addition of an element stays",
        f"{DOMAIN}/fold.py",
        "            if present is None or element[:2] < present[:2]:\n",
        "            if present is None:\n",
        f"{WHY}::test_of_two_who_merge_the_first_addition_stays",
    ),
    Mutation(
        "the elder of two contacts that merge gives the id",
        f"{DOMAIN}/fold.py",
        "    elder, younger = (one, other) if one.birth < other.birth else (other, one)\n",
        "    elder, younger = one, other\n",
        f"{WHY}::test_of_two_who_merge_the_elder_gives_the_id",
    ),
    Mutation(
        "a contact's id is that of its earliest event",
        f"{DOMAIN}/step.py",
        "        _take_birth(contact, statement)\n",
        "",
        f"{WHY}::test_a_contact_takes_the_id_of_an_earlier_event_that_comes_late",
    ),
    Mutation(
        "a field of an organisation yields only to a later stamp",
        f"{PROCESSOR}/accounts.py",
        "            if present is None or present[0] < statement.stamp:\n",
        "            if True:\n",
        f"{WHY}::test_a_late_link_to_an_organisation_is_the_first",
    ),
)

FOR_OTHERS_ONLY = (
    Mutation(
        "late for others only: nothing is replaced",
        f"{DOMAIN}/lateness.py",
        "    if statement.action == REPLACE or statement.echoes:\n",
        "    if statement.echoes:\n",
        CONCERNED,
    ),
    Mutation(
        "late for others only: nothing is named that was erased",
        f"{DOMAIN}/lateness.py",
        "    if statement.action == REPLACE or statement.echoes:\n",
        "    if statement.action == REPLACE:\n",
        "tests/oracle/test_counterexamples_of_directives.py"
        "::test_who_comes_while_an_erasure_takes_somebody_of_the_same_address_goes_with_them",
    ),
    Mutation(
        "late for others only: nothing that identifies is deleted",
        f"{DOMAIN}/lateness.py",
        "        if not values or (said is None",
        "        if (said is None",
        CONCERNED,
    ),
    Mutation(
        "late for others only: what nobody owns is new",
        f"{DOMAIN}/lateness.py",
        "        if claim is None or not claim.mentions:\n",
        "        if claim is None or claim.owner is None:\n",
        CONCERNED,
    ),
    Mutation(
        "late for others only: who owns it was known by it before",
        f"{DOMAIN}/lateness.py",
        " or excerpt.contacts[claim.owner].known_since >= statement.stamp:\n",
        ":\n",
        CONCERNED,
    ),
    Mutation(
        "late for others only: since when somebody is known by what they are known by",
        f"{DOMAIN}/step.py",
        "            contact.known_since = max(contact.known_since, statement.stamp)\n",
        "            pass\n",
        CONCERNED,
    ),
    Mutation(
        "late for others only: whom it is about has heard nothing later",
        f"{DOMAIN}/lateness.py",
        "    if contact is not None and contact.last >= statement.stamp:\n",
        "    if False:\n",
        CONCERNED,
    ),
    Mutation(
        "late for others only: whom it is about lets go of nothing",
        f"{DOMAIN}/lateness.py",
        "        if said is not None and compared_by(attribute, said[1]) != compared_by(attribute, values[0]):\n",
        "        if False:\n",
        CONCERNED,
    ),
    Mutation(
        "late for others only: whom it is about gets no key",
        f"{DOMAIN}/lateness.py",
        "(attribute.is_key or (grown and not attribute.multi))",
        "grown and not attribute.multi",
        CONCERNED,
    ),
    Mutation(
        "late for others only: who is found by what another brought lets go of nothing either",
        f"{DOMAIN}/lateness.py",
        "    contact = excerpt.contacts.get(handle)\n",
        "    contact = candidates[0] if candidates else None\n",
        f"{WHY}::test_two_late_statements_of_one_batch_of_which_the_second_lets_go_are_not_merely_stepped",
    ),
    Mutation(
        "late for others only: nothing new is brought to one by a second of them, or to two",
        f"{DOMAIN}/lateness.py",
        "        if not self._handles.keys().isdisjoint(new):\n",
        "        if False:\n",
        f"{WHY}::test_two_late_statements_of_one_batch_that_make_one_of_two_are_not_merely_stepped",
    ),
)

PLAIN = (
    Mutation(
        "plain: the action is append",
        f"{DOMAIN}/identity.py",
        "        statement.action == APPEND\n        and statement.match_on",
        "        statement.match_on",
        NOT_PLAIN,
    ),
    Mutation(
        "plain: every identifier is matched on",
        f"{DOMAIN}/identity.py",
        "        and statement.match_on is None\n",
        "",
        NOT_PLAIN,
    ),
    Mutation(
        "plain: on_many is merge",
        f"{DOMAIN}/identity.py",
        "        and statement.on_many == MERGE\n",
        "",
        NOT_PLAIN,
    ),
    Mutation(
        "plain: nothing is deleted",
        f"{DOMAIN}/identity.py",
        "        and all(values.values())\n",
        "",
        NOT_PLAIN,
    ),
    Mutation(
        "plain: no channel of a single value is named",
        f"{DOMAIN}/identity.py",
        "        and schema.overwritten.isdisjoint(values)\n",
        "",
        NOT_PLAIN,
    ),
    Mutation(
        "plain: every earlier statement of the contacts was",
        f"{DOMAIN}/planning.py",
        "        and all(contact.plain for contact in group.contacts)\n",
        "",
        NOT_PLAIN,
    ),
    Mutation(
        "plain: the late statements are",
        f"{DOMAIN}/planning.py",
        "        and all(is_plain(statement, excerpt.schema) for statement in group.late)\n",
        "",
        NOT_PLAIN,
    ),
    Mutation(
        "plain: all of it would be one contact in any order",
        f"{DOMAIN}/planning.py",
        "        and would_be_one(excerpt, group.contacts, group.late)\n",
        "",
        NOT_PLAIN,
    ),
    Mutation(
        "would be one: keys do not differ",
        f"{DOMAIN}/identity.py",
        "            if len(values) > 1:\n                return False\n",
        "",
        NOT_PLAIN,
    ),
    Mutation(
        "would be one: no channel passes its limit",
        f"{DOMAIN}/identity.py",
        "            if len(values) > attribute.max_values:\n                return False\n",
        "",
        NOT_PLAIN,
    ),
    Mutation(
        "would be one: nothing is apart",
        f"{DOMAIN}/identity.py",
        "    if not apart:\n        return True\n",
        "    return True\n",
        NOT_PLAIN,
    ),
    Mutation(
        "contacts that share a mention are not plain",
        f"{DOMAIN}/step.py",
        "            contact.plain = False\n            excerpt.touched.add(contact.handle)\n",
        "            pass\n",
        LATE,
    ),
)

REBUILT = (
    Mutation(
        "a rebuild goes in the order of stamps",
        f"{DOMAIN}/rebuild.py",
        "        for statement in sorted(statements, key=lambda one: one.stamp):\n",
        "        for statement in statements:\n",
        LATE,
    ),
    Mutation(
        "a rebuild begins from nothing",
        f"{DOMAIN}/rebuild.py",
        "    taking = [one.statement for one in past if not one.left_out]\n",
        "    taking = [one.statement for one in past[1:] if not one.left_out]\n",
        LATE,
    ),
    Mutation(
        "evidence belongs to the contact that the rebuild gives it to",
        f"{DOMAIN}/rebuild.py",
        "        if (handle, one.left_out) != (one.handle, one.retracted):\n",
        "        if one.left_out != one.retracted:\n",
        LATE,
    ),
    Mutation(
        "an absorbed handle leads to who absorbed it",
        f"{DOMAIN}/excerpt.py",
        "            elder.absorbed.append(younger.handle)\n",
        "            pass\n",
        LATE,
    ),
    Mutation(
        "an id is looked up over absorbed handles, MongoDB",
        "shared/contactfold/adapters/mongo_reading.py",
        '{"$or": [{"_id": handle}, {"absorbed": handle}]}',
        '{"_id": handle}',
        "tests/contract/test_directory_moving.py::test_an_absorbed_handle_answers_with_the_contact_that_absorbed_it",
        "mongo",
    ),
    Mutation(
        "an id is looked up over absorbed handles, SQLite",
        "shared/contactfold/adapters/sqlite_reading.py",
        "handle = ?1 OR handle = (SELECT contact FROM absorbed WHERE handle = ?1)",
        "handle = ?1",
        "tests/contract/test_directory_moving.py::test_an_absorbed_handle_answers_with_the_contact_that_absorbed_it",
        "sqlite",
    ),
    Mutation(
        "what a contact lists that ceases to be is found by the index, MongoDB",
        f"{ADAPTERS}/mongo_writing.py",
        '        await database["evidence"].update_many(where, {"$set": UNLISTED}, session=session)\n',
        "        pass\n",
        FOUND,
        "mongo",
    ),
    Mutation(
        "what moves is found by the index, MongoDB",
        f"{ADAPTERS}/mongo_evidence.py",
        '    fields["unlisted"] = fate.handle is not None or None\n',
        "",
        FOUND,
        "mongo",
    ),
    Mutation(
        "what comes without its contact is found by the index, MongoDB",
        f"{ADAPTERS}/mongo_evidence.py",
        "            document.update(UNLISTED)\n",
        "            pass\n",
        FOUND,
        "mongo",
    ),
    Mutation(
        "a list keeps what was in it, MongoDB",
        f"{ADAPTERS}/mongo_writing.py",
        'return {document["_id"]: document["pieces"] for document in await found.to_list()}',
        "return {}",
        FOUND,
        "mongo",
    ),
    Mutation(
        "a list that came with its contact keeps what was in it, MongoDB",
        f"{ADAPTERS}/mongo_contacts.py",
        'document.get("pieces", b"")',
        'b""',
        GOES_ON,
        "mongo",
    ),
    Mutation(
        "a list is that of the version it came with, MongoDB",
        f"{ADAPTERS}/mongo_lists.py",
        "contact.kept is not None and contact.kept[0] == contact.version",
        "contact.kept is not None",
        GOES_ON,
        "mongo",
    ),
    Mutation(
        "what founded a contact and moves is found by the index from then on, MongoDB",
        f"{ADAPTERS}/mongo_evidence.py",
        "fate.handle is not None or None",
        "fate.handle not in (None, fate.event_id) or None",
        f"{HISTORIES}::test_evidence_that_goes_back_to_whom_it_founded_is_not_missed_between_two_questions",
    ),
    Mutation(
        "what is written anew is found by the index, MongoDB",
        f"{ADAPTERS}/mongo_evidence.py",
        "        document |= UNLISTED\n",
        "        pass\n",
        "tests/contract/test_directory_evidence.py::test_a_skeleton_and_what_filled_a_stub_are_found",
        "mongo",
    ),
    Mutation(
        "what a list names is not found by the index as well, MongoDB",
        f"{ADAPTERS}/mongo_reading.py",
        "**among, **LISTED}",
        "**among}",
        FOUND,
        "mongo",
    ),
    Mutation(
        "evidence that its contact does not find is told",
        f"{PROCESSOR}/verifying/evidence.py",
        "    elif piece.event_id not in histories:\n",
        "    elif False:\n",
        f"{HISTORIES}::test_a_contact_that_was_put_back_to_what_it_was_is_noticed_by_its_evidence",
    ),
    Mutation(
        "a component past the limit is not rebuilt",
        f"{PROCESSOR}/deciding.py",
        "and size > self._limits.component_events",
        "and size > self._limits.component_events + 1",
        "tests/oracle/test_the_law.py::test_only_events_whose_own_component_is_too_large_die",
    ),
    Mutation(
        "late statements go first only where none of them needs a rebuild by itself",
        f"{DOMAIN}/planning.py",
        "    return not any(part.rebuild for part in make_groups(excerpt, group.late))\n",
        "    return True\n",
        LATE,
    ),
    Mutation(
        "each late statement is judged by its own component alone",
        f"{PROCESSOR}/deciding.py",
        "                fitting = min(fitting, max(as_many, min(come[each.event_id] for each in group.late)))\n",
        "                pass\n",
        "tests/oracle/test_the_law.py::test_only_events_whose_own_component_is_too_large_die",
    ),
)

MUTATIONS = (*CHECKED, *STAMPS, *PLAIN, *REBUILT)
