"""What says nothing: the same at every door."""


def is_empty(value: object) -> bool:
    """Whether a value says no more than `""` does: null, blank text, or a list of nothing else."""
    if isinstance(value, str):
        return not value.strip()
    # One level deep: a list within a list is no value of anything, and JSON may nest as deep as it likes.
    if isinstance(value, list):
        return all(inner is None or (isinstance(inner, str) and not inner.strip()) for inner in value)
    return value is None
