"""All mutations, by what they are taken from."""

from mutations import deaths, locks, order, reading_once, ruling
from mutations.mutation import Mutation

MUTATIONS: dict[str, tuple[Mutation, ...]] = {
    "Once": reading_once.MUTATIONS,
    "Order": order.CHECKED,
    "Stamps": order.STAMPS,
    "Late for others only": order.FOR_OTHERS_ONLY,
    "Plain": order.PLAIN,
    "Rebuild": order.REBUILT,
    "Versions": locks.VERSIONS,
    "What statements raise": locks.STATEMENTS,
    "What directives raise": locks.DIRECTIVES,
    "Retractions": ruling.RETRACTIONS,
    "Rules": ruling.RULES,
    "Settling": ruling.SETTLING,
    "Erasures": ruling.ERASURES,
    "Deaths": deaths.MUTATIONS,
}
"""By the headings of the table in docs/the-law.md."""
