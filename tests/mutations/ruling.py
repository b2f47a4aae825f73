"""What directives rest on: what is left out, in which order, what is settled, what an erasure takes."""

from mutations.mutation import DOMAIN, PROCESSOR, RULED, SEEDS, Mutation

RETRACTIONS = (
    Mutation(
        "what is retracted is left out of a rebuild",
        f"{DOMAIN}/rebuild.py",
        "    taking = [one.statement for one in past if not one.left_out]\n",
        "    taking = [one.statement for one in past]\n",
        RULED,
    ),
    Mutation(
        "only a later retraction takes an earlier one back",
        f"{PROCESSOR}/ruling.py",
        "    against = [other for other in by if kind != RETRACT or other > stamp]\n",
        "    against = list(by)\n",
        RULED,
    ),
    Mutation(
        "a retraction that is taken back leads on to what it names",
        f"{PROCESSOR}/settling.py",
        "        await put_in_force(workspace, directive, in_force=not retracted)\n",
        "",
        RULED,
    ),
    Mutation(
        "an event that comes retracted is left out",
        f"{PROCESSOR}/deciding.py",
        "zip(asked, judged, strict=True) if retracted}\n",
        "zip(asked, judged, strict=True) if not asked}\n",
        RULED,
    ),
    Mutation(
        "an event takes over the marks of its stub",
        f"{PROCESSOR}/keeping.py",
        "            by=stub.by if stub else (),\n",
        "",
        "tests/oracle/test_why_order_matters.py"
        "::test_an_event_that_two_retractions_named_before_it_came_stays_out_when_one_of_them_is_taken_back",
    ),
    Mutation(
        "a row is judged by the retractions of its import too",
        f"{PROCESSOR}/judging.py",
        "        return by if head is None else (*by, *head.by)\n",
        "        return by\n",
        SEEDS,
    ),
    Mutation(
        "an organisation forgets what is retracted",
        f"{PROCESSOR}/accounts.py",
        "            self._stale.add(key)\n",
        "            pass\n",
        RULED,
    ),
)

RULES = (
    Mutation(
        "an identifier that is set aside takes no part",
        f"{DOMAIN}/identity.py",
        "            aside.append(identifier)\n",
        "            taking.append(identifier)\n",
        SEEDS,
    ),
    Mutation(
        "a value that is set aside is not written",
        f"{DOMAIN}/fold.py",
        "        taking = _without(values, attribute, aside) if aside else values\n",
        "        taking = values\n",
        SEEDS,
    ),
    Mutation(
        "contacts that hold identifiers apart do not merge",
        f"{DOMAIN}/identity.py",
        "    return any(not theirs_held.isdisjoint(apart.get(identifier, ())) for identifier in mine_held)\n",
        "    return False\n",
        "tests/oracle/test_why_order_matters.py::test_people_who_hold_what_is_apart_do_not_merge_by_what_is_not",
    ),
    Mutation(
        "a statement does not belong to whoever holds what is apart from it",
        f"{DOMAIN}/identity.py",
        "    holds = held(contact, excerpt.schema, excerpt.rules.shared)\n"
        "    return any(not holds.isdisjoint(apart.get(identifier, ())) for identifier in identifiers)\n",
        "    return False\n",
        SEEDS,
    ),
    Mutation(
        "a shared identifier identifies nobody",
        f"{DOMAIN}/identity.py",
        "        if identifier in shared:\n            continue\n",
        "",
        SEEDS,
    ),
    Mutation(
        "a contact keeps which shared identifiers its evidence names",
        f"{DOMAIN}/step.py",
        "            contact.shared.add(identifier)\n",
        "",
        SEEDS,
    ),
    Mutation(
        "rules are in force whatever their stamps, and only those in force count",
        f"{DOMAIN}/directives.py",
        "        if not rule.in_force:\n            continue\n",
        "",
        SEEDS,
    ),
)

SETTLING = (
    Mutation(
        "what is left to settle is kept",
        f"{PROCESSOR}/settling.py",
        "        if await _advance(workspace, workspace.directives[settling.directive], settling, limit):\n",
        "        if await _advance(workspace, workspace.directives[settling.directive], settling, limit) or True:\n",
        RULED,
    ),
    Mutation(
        "a lease runs out",
        f"{PROCESSOR}/settler.py",
        "one.holder == self._applier.name or one.until <= now",
        "one.holder == self._applier.name or not one.holder",
        "tests/unit/processor/test_settler.py::test_what_another_works_on_is_left_alone_until_its_lease_runs_out",
    ),
    Mutation(
        "a directive that is settling is left to who works on it",
        f"{PROCESSOR}/settler.py",
        "one.holder == self._applier.name or one.until <= now",
        "one.holder == self._applier.name or one.holder",
        "tests/unit/processor/test_settler.py::test_what_another_works_on_is_left_alone_until_its_lease_runs_out",
    ),
)

ERASURES = (
    Mutation(
        "an erasure takes the payload of what it reaches",
        f"{PROCESSOR}/workspace.py",
        "            self.rewritten.append(erased)\n",
        "            pass\n",
        SEEDS,
    ),
    Mutation(
        "an event that comes late and is reached loses its payload too",
        f"{PROCESSOR}/keeping.py",
        "            kept = workspace.make_skeleton(kept, statement, erased_by)\n",
        "            pass\n",
        SEEDS,
    ),
    Mutation(
        "what was once reached stays erased",
        f"{DOMAIN}/erasing.py",
        "for one, by in self.reached.items() if erasure.event_id in by and one in present)\n",
        "for one, by in self.reached.items() if False)\n",
        SEEDS,
    ),
    Mutation(
        "what is shared is known as that in a skeleton, too",
        f"{DOMAIN}/erasing.py",
        "            statement = self.recall(one, fresh.schema)\n",
        "            statement = one\n",
        "tests/integration/verify/test_counterexamples.py"
        "::test_a_retracted_event_that_was_erased_mentions_nothing_that_is_shared",
    ),
    Mutation(
        "whoever is first to name what an erasure's rebuild found nobody known by collides with it",
        f"{PROCESSOR}/workspace.py",
        "        self.absent_claims += unheard\n",
        "        unheard = set()\n",
        "tests/oracle/test_counterexamples_of_directives.py"
        "::test_who_comes_while_an_erasure_takes_somebody_of_the_same_address_goes_with_them",
    ),
    Mutation(
        "late statements meet people who were erased by what they were known by",
        f"{PROCESSOR}/workspace.py",
        "map(self.hasher.token, named) if token in known)\n",
        "map(self.hasher.token, named) if False)\n",
        SEEDS,
    ),
    Mutation(
        "people who share what erased ones were known by hang together",
        f"{DOMAIN}/rebuild.py",
        "        erasing.tie(fresh)\n",
        "        pass\n",
        SEEDS,
    ),
    Mutation(
        "a skeleton keeps its policy",
        f"{DOMAIN}/erasing.py",
        "        tuple(map(hasher.token, statement.identifiers)),\n        statement.action,\n",
        '        tuple(map(hasher.token, statement.identifiers)),\n        "append",\n',
        SEEDS,
    ),
    Mutation(
        "an erasure's own evidence keeps only the hash",
        f"{PROCESSOR}/ruling.py",
        "        evidence.event = encode_directive(directive)\n",
        "        pass\n",
        RULED,
    ),
)

MUTATIONS = (*RETRACTIONS, *RULES, *SETTLING, *ERASURES)
