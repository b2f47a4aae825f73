"""Whether a directory is right: a run that is wrong has no figure."""

from benchmarks.workload import Person, Workload
from contactfold.domain.directory import Contact
from contactfold.ports import Directory

_SHOWN = 3


async def find_faults(directory: Directory, *workloads: Workload) -> list[str]:
    """What is wrong with a directory that should hold exactly these workloads, in sentences; empty where nothing is.

    No two of them may be about the same people.
    """
    expected = {customer: person for workload in workloads for customer, person in workload.expected().items()}
    events, people = sum(workload.events for workload in workloads), len(expected)
    faults = [
        f"there are dead letters: {letter.reason}" for letter in await directory.dead_letters(after=None, limit=1)
    ]
    stored = (await directory.counts())["evidence"]
    if stored != events:
        faults.append(f"{stored} pieces of evidence instead of {events}")
    contacts = 0
    wrong: list[str] = []
    async for contact in directory.export_contacts():
        contacts += 1
        customer = contact.single.get("external_customer_id")
        person = expected.pop(str(customer[1]), None) if customer else None
        told = "is nobody we sent, or twice there" if person is None else _compare(contact, person)
        if told:
            wrong.append(f"{customer[1] if customer else 'somebody'} {told}")
    if contacts != people:
        faults.append(f"{contacts} contacts instead of {people}")
    if wrong:
        faults.append(f"{len(wrong)} contacts are wrong: {'; '.join(wrong[:_SHOWN])}")
    if expected:
        faults.append(f"{len(expected)} people are missing: {', '.join(list(expected)[:_SHOWN])}")
    return faults


def _compare(contact: Contact, person: Person) -> str | None:
    """What a contact has otherwise than the events said, or None."""
    labels = {element[2] for element in contact.multi.get("labels", {}).values()}
    identifiers = {f"email:{person.email}"} | ({f"phone_number:{person.phone}"} if person.phone else set())
    if labels != person.labels:
        return f"has the labels {sorted(map(str, labels))} instead of {sorted(person.labels)}"
    if contact.single["city"][1] != person.city:
        return f"lives in {contact.single['city'][1]} instead of {person.city}"
    if contact.size != person.events:
        return f"has {contact.size} pieces of evidence instead of {person.events}"
    if not identifiers <= contact.owned or len(contact.owned) != len(identifiers) + 1:
        return f"owns {len(contact.owned)} identifiers, not the {len(identifiers) + 1} that nobody had before"
    return None
