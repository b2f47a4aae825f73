"""Tables of the documentation that the code dictates: the tests compare them, and say what they should be."""

from collections.abc import Iterable, Sequence

from prometheus_client import Counter, Gauge, Histogram
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from contactfold import telemetry
from contactfold.domain.schema import Attribute, default_schema

Row = list[str]
METRIC_KINDS = (Counter, Gauge, Histogram)


def write_table(head: Sequence[str], rows: Iterable[Row]) -> str:
    """A table as the pages have it."""
    lines = [head, ["---"] * len(head), *rows]
    return (
        "\n".join("| " + " | ".join(cells) + " |" for cells in lines).replace("| --- ", "|---").replace("--- |", "---|")
    )


def metric_rows() -> list[Row]:
    """Every metric of `contactfold.telemetry`, in its order: name, kind, labels, what it tells."""
    found = [metric for metric in vars(telemetry).values() if isinstance(metric, METRIC_KINDS)]
    return [_metric_row(metric) for metric in found]


def _metric_row(metric: Counter | Gauge | Histogram) -> Row:
    suffix = "_total" if isinstance(metric, Counter) else ""
    labels = " ".join(f"`{label}`" for label in metric._labelnames)
    return [f"`{metric._name}{suffix}`", type(metric).__name__.lower(), labels, metric._documentation.rstrip(".")]


def schema_rows() -> list[Row]:
    """Every attribute of the default schema: key, name, type, how it identifies, whether multi, whether pii."""
    return [
        [
            f"`{one.key}`",
            one.name,
            f"`{one.type}`",
            _identifies(one),
            "yes" if one.multi else "",
            "yes" if one.pii else "",
        ]
        for one in default_schema().attributes
    ]


def _identifies(attribute: Attribute) -> str:
    if attribute.is_key:
        return "key"
    if attribute.channel is None:
        return ""
    told = f"channel `{attribute.channel}`"
    told += ", anonymous" if attribute.anonymous else ""
    limit = Attribute("a", "a").max_values
    return told if attribute.max_values == limit else f"{told}, up to {attribute.max_values}"


def write_default(field: FieldInfo) -> str:
    """A setting's default as the pages have it, or empty where words say it better."""
    if field.is_required():
        return "must be given"
    default = field.default
    if default is PydanticUndefined:
        return ""
    if default is None or default == ():
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{' '.join(map(str, default)) if isinstance(default, tuple) else default}`"
