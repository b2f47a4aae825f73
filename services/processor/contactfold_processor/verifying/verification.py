"""The verification: every check in turn, and what they have to say together."""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

from contactfold.canonical import closing
from contactfold.config import Limits
from contactfold.domain.schema import Schema
from contactfold.ports import Directory, EventLog, Partition
from contactfold_processor.verifying.checking import Check, Progress, run_check
from contactfold_processor.verifying.claims import ClaimCheck
from contactfold_processor.verifying.components import ComponentCheck
from contactfold_processor.verifying.contacts import ContactCheck
from contactfold_processor.verifying.evidence import EvidenceCheck
from contactfold_processor.verifying.findings import EVIDENCE, Findings, Mismatch, Names, Report
from contactfold_processor.verifying.letters import LetterCheck
from contactfold_processor.verifying.organizations import OrganizationCheck
from contactfold_processor.verifying.rebuilding import EveryComponent, EveryContact, Rebuilder, SomeContacts
from contactfold_processor.verifying.records import RecordCheck, make_plan
from contactfold_processor.verifying.rules import RuleCheck


def _nobody(name: str, done: int, total: int | None) -> None:
    """Progress that nobody looks at."""


class Verification:
    """Verifies one directory against its log. Reads, and writes nothing.

    `sample` is how many contacts are rebuilt, with all of their components; None rebuilds every one. `keep` is how
    many mismatches are kept whole. Personal identifiers are masked unless `unmasked`. `erasure_key` is the one the
    operator gives, if any.
    """

    def __init__(
        self,
        log: EventLog,
        directory: Directory,
        *,
        schema: Schema,
        limits: Limits,
        sample: int | None = None,
        keep: int = 100,
        unmasked: bool = False,
        erasure_key: bytes | None = None,
        progress: Progress = _nobody,
    ) -> None:
        self._log, self._directory, self._schema, self._limits = log, directory, schema, limits
        self._sample, self._progress = sample, progress
        self._erasure_key = erasure_key
        self._names = Names(schema, unmasked=unmasked)
        self.report = Report(Findings(keep))

    async def run(self) -> Report:
        """Check everything. Raises `Unavailable` where a server goes away."""
        report = self.report
        report.settling = await self._directory.settlings()
        plan = await make_plan(self._log, self._directory)
        report.gaps = plan.gaps
        report.findings.add(plan.mismatches)
        counts = await self._directory.counts()
        records = RecordCheck(self._log, self._directory, self._schema, self._limits, plan.stretches)
        report.records = records.records
        report.records.waiting, report.records.gone = plan.waiting, plan.gone
        await self._take(records.name, records.run(), sum(stretch.size for stretch in plan.stretches.values()))
        evidence = EvidenceCheck(self._schema, plan.stretches)
        await self._check(evidence, counts.get("evidence"))
        begun_anew = {partition for partition, gap in plan.gaps if gap.earliest < gap.position}
        report.findings.add(_compare_places(records, evidence, plan.stretches.keys() - begun_anew - records.trimmed))
        await self._check(RuleCheck(self._schema))
        await self._check(LetterCheck(), counts.get("dead_letters"))
        report.dead_letters = report.checked["dead_letters"]
        await self._check(ContactCheck(self._schema, self._names), counts.get("contacts"))
        await self._check(ClaimCheck(self._names))
        await self._check(ComponentCheck())
        await self._check(OrganizationCheck(self._schema))
        await self._rebuild(counts)
        report.settling = report.settling or await self._directory.settlings()
        return report

    async def _rebuild(self, counts: Mapping[str, int]) -> None:
        contacts = counts.get("contacts", 0)
        rebuilder = Rebuilder(self._schema, self._names, self._limits.component_events, self._erasure_key)
        if self._sample is None or self._sample >= contacts:
            await self._check(EveryContact(rebuilder), contacts)
            await self._check(EveryComponent(rebuilder))
        elif self._sample:
            await self._check(SomeContacts(rebuilder, self._sample), self._sample)

    async def _check(self, check: Check[Any], total: int | None = None) -> None:
        await self._take(check.name, run_check(self._directory, check), total)

    async def _take(self, name: str, pages: AsyncIterator[tuple[int, list[Mismatch]]], total: int | None) -> None:
        self._progress(name, 0, total)
        async with closing(pages) as checked:
            async for done, mismatches in checked:
                self.report.checked[name] += done
                self.report.findings.add(mismatches)
                self._progress(name, done, total)


def _compare_places(records: RecordCheck, evidence: EvidenceCheck, partitions: Collection[Partition]) -> list[Mismatch]:
    """Whether as many records are evidence as there are pieces that say they came from where these are.

    Not for partitions of which the log let go records meanwhile, nor where its offsets have begun anew.
    """
    found: list[Mismatch] = []
    for partition in sorted(partitions):
        here, there = evidence.places[partition], records.places[partition]
        if here != there:
            stored = f"{here} pieces that say they came from offsets the log holds"
            found.append(Mismatch(EVIDENCE, partition, "place", stored, f"{there}, the records they came from"))
    return found
