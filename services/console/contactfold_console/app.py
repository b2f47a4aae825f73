"""The console's routes on an application: directory to people (CONTRACT 7)."""

from fastapi import FastAPI

from contactfold_console import contacts, explaining, history, organizations, schema
from contactfold_console.reading import Deps


def install(app: FastAPI, deps: Deps) -> None:
    """Add every route of the console to an application that `contactfold.web.application` made."""
    app.state.console = deps
    for module in (contacts, explaining, history, organizations, schema):
        app.include_router(module.router)


__all__ = ["Deps", "install"]
