"""What every section of `contactfold.yaml` is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of settings in the file: nothing but what is declared, and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
