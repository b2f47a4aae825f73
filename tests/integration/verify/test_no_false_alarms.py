"""What is no mismatch and is told all the same: what waits, what settles, what was done without, what is too large."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from contactfold.config import Limits
from contactfold.domain.directives import Settling
from contactfold.ports import Changes, Lane
from contactfold.redriving import make_key, write_copy
from contactfold_processor.verifying.findings import TOO_LARGE, UNSETTLED
from contactfold_processor.verifying.verification import Verification
from e2e.loads import Load, make_events, with_repeats
from fakes.memory_directory import MemoryDirectory
from fakes.memory_log import MemoryLog
from integration.processor.conftest import embedded, embedded_site, servers, servers_site, site
from integration.processor.rig import SCHEMA, Site, all_letters, append, at_rest, processing
from integration.verify.rig import EVENTS, Pair, apply, id_of, make_everything, told, verify

__all__ = ["embedded", "embedded_site", "servers", "servers_site", "site"]


async def test_records_that_nobody_has_applied_are_waiting(pair: Pair) -> None:
    await apply(pair, EVENTS[:5])
    await append(pair.log, EVENTS[5:])
    report = await verify(pair)
    assert report.clean, told(report)
    assert report.records.read == 5
    assert report.records.waiting == len(EVENTS) - 5


async def test_a_directory_that_has_applied_nothing_is_clean(pair: Pair) -> None:
    report = await verify(pair)
    assert report.clean
    await append(pair.log, EVENTS)
    report = await verify(pair)
    assert report.clean, told(report)
    assert report.records.waiting == len(EVENTS)


async def test_what_is_applied_meanwhile_is_no_mismatch(site: Site) -> None:
    """Verified again and again while a processor is at work, and once more when everything is applied."""
    log, directory, other = await site.log(), await site.directory(), await site.directory()
    events = with_repeats(make_events(11, Load(count=1_800, people=150)), 11)
    seen: set[bool] = set()

    async def write() -> None:
        for begin in range(0, len(events), 100):
            await append(log, events[begin : begin + 100])

    async with processing(log, directory):
        writing = asyncio.create_task(write())
        while not (writing.done() and False in seen):
            report = await Verification(log, other, schema=SCHEMA, limits=Limits()).run()
            assert report.clean, told(report)
            seen.add(report.records.waiting > 0)
        await writing
        await at_rest(log, directory)
    report = await Verification(log, other, schema=SCHEMA, limits=Limits()).run()
    assert report.clean, told(report)
    assert report.records.waiting == 0
    assert report.records.read == len(events)
    assert report.records.evidence + report.records.duplicates == len(events)


async def test_what_does_not_agree_for_one_moment_alone_is_no_mismatch() -> None:
    """As where a server answers from before and after a commit: what is suspected is read again."""

    class Flickering(MemoryDirectory):
        moments = 0

        @asynccontextmanager
        async def snapshot(self) -> AsyncIterator[MemoryDirectory]:
            async with super().snapshot() as moment:
                Flickering.moments += 1
                if Flickering.moments % 2:
                    moment.stored = replace(moment.stored, claims={}, fragments={}, components={})
                yield moment

    pair = Pair(MemoryLog(), Flickering(), no_removal)
    await make_everything(pair)
    report = await verify(pair)
    assert report.clean, told(report)
    assert Flickering.moments > 4


async def no_removal(_: bytes) -> None:
    raise AssertionError("nothing is removed here")


async def test_an_accepted_gap_is_reported_and_one_that_is_not_is_a_mismatch(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    pair = Pair(log, directory, no_removal)
    await apply(pair, EVENTS)
    piece = await directory.evidence(id_of(1))
    assert piece is not None
    partition = piece.partition
    position = (await directory.positions([partition]))[partition].next
    await append(log, [{**EVENTS[0], "id": f"late-{number}"} for number in range(4)])
    await site.trim(partition, position + 2)
    report = await verify(pair)
    assert [(each.kind, each.where, each.field) for each in report.findings.first] == [("position", partition, "next")]
    assert report.records.gone == position
    async with processing(log, directory, accept_gap=True):
        await at_rest(log, directory)
    report = await verify(pair)
    assert report.clean, told(report)
    ((where, gap),) = report.gaps
    assert (where, gap.position, gap.earliest, gap.taken) == (partition, position, position + 2, True)


async def test_what_a_directive_has_not_settled_yet_is_no_mismatch(pair: Pair) -> None:
    """A contact that differs from what its evidence makes of it, as those do that a directive has not come to."""
    await make_everything(pair)
    contact = await pair.directory.contact_of(id_of(1))
    assert contact is not None
    contact.single.pop("city")
    await pair.directory.commit(Changes(contacts=[contact], settlings=[Settling(id_of(20), b"", 3, 10)]))
    report = await verify(pair)
    assert report.clean, told(report)
    assert report.findings.noted[UNSETTLED] == 1
    assert [(one.directive, one.done, one.total) for one in report.settling] == [(id_of(20), 3, 10)]
    (settling,) = await pair.directory.settlings()
    await pair.directory.commit(Changes(gone_settlings=[settling]))
    assert not (await verify(pair)).clean


async def test_a_component_past_the_limit_is_not_folded_and_said_so(pair: Pair) -> None:
    await make_everything(pair)
    limits = Limits(component_events=1)
    report = await Verification(pair.log, pair.directory, schema=SCHEMA, limits=limits).run()
    assert report.clean, told(report)
    assert report.findings.noted[TOO_LARGE] > 1


async def test_a_dead_letter_that_was_redriven_with_another_body_is_accounted_for(pair: Pair) -> None:
    await make_everything(pair)
    letter = (await all_letters(pair.directory))[0]
    key = await make_key(pair.directory)
    again = b'{"id": "mended", "source": "shop", "values": {"email": "mended@example.com"}}'
    for copy in (write_copy(letter, key), write_copy(letter, key, again)):
        await pair.log.append(Lane.LIVE, [copy])
        await apply(pair, [])
    assert letter.id not in {each.id for each in await all_letters(pair.directory)}
    report = await verify(pair)
    assert report.clean, told(report)
    assert report.records.redriven == 2, "the record that died, and the first copy of it, which died again"
    assert report.dead_letters == 1


async def test_a_redriven_letter_whose_copy_is_not_applied_is_missed(pair: Pair) -> None:
    """Somebody took the letter away by hand, and what stands for it still waits."""
    await make_everything(pair)
    letter = (await all_letters(pair.directory))[0]
    copy = write_copy(letter, await make_key(pair.directory), b'{"values": {"email": "mended@example.com"}}')
    await pair.log.append(Lane.LIVE, [copy])
    await pair.directory.commit(Changes(redriven=[letter.id]))
    report = await verify(pair)
    assert [(each.kind, each.where) for each in report.findings.first] == [("record", letter.id)]


async def test_a_sample_is_as_large_as_it_was_asked_for(pair: Pair) -> None:
    await apply(pair, make_events(3, Load(count=400, people=100)))
    contacts = (await pair.directory.counts())["contacts"]
    for sample in (0, 1, 30):
        report = await verify(pair, sample=sample)
        assert report.clean, told(report)
        assert 0 <= report.checked["rebuilt"] <= sample
        assert bool(report.checked["rebuilt"]) == bool(sample)
    assert (await verify(pair, sample=contacts)).checked["rebuilt"] == contacts


async def test_no_text_of_a_report_holds_a_personal_value_unless_asked(pair: Pair) -> None:
    await make_everything(pair)
    contact = await pair.directory.contact_of(id_of(1))
    assert contact is not None
    contact.single["first_name"] = contact.single["city"]
    contact.owned.clear()
    contact.multi.clear()
    gone = await pair.directory.claims(["email:dan@example.com", "phone_number:+14155550199"])
    await pair.directory.commit(Changes(contacts=[contact], gone_claims=list(gone.values())))
    report = await verify(pair)
    personal = ("example.com", "+1415", "Ann", "Oslo")
    assert report.findings.count > 5
    assert not any(value in told(report) for value in personal), told(report)
    assert "email:dan@example.com" in told(await verify(pair, unmasked=True))


async def test_only_the_first_mismatches_are_kept_and_all_are_counted(pair: Pair) -> None:
    await make_everything(pair)
    claims = await pair.directory.list_claims(after=None, limit=100)
    await pair.directory.commit(Changes(gone_claims=claims))
    report = await verify(pair, keep=2)
    assert len(report.findings.first) == 2
    assert report.findings.count > len(claims)
    assert report.findings.counts["claim"] > 2


async def test_progress_is_told_of_every_part_as_far_as_it_is_done(pair: Pair) -> None:
    await make_everything(pair)
    done: dict[str, int] = {}
    totals: dict[str, int | None] = {}

    def progress(name: str, more: int, total: int | None) -> None:
        done[name] = done.get(name, 0) + more
        totals[name] = total

    report = await verify(pair, progress=progress)
    assert {name: count for name, count in done.items() if count} == dict(report.checked)
    assert (totals["records"], totals["evidence"], totals["contacts"]) == (20, 16, report.checked["contacts"])
