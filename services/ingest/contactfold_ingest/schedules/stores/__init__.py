"""Where schedules fetch from: local folders, SFTP, S3 and HTTPS, each as a `Store`."""

from importlib import import_module

from contactfold.locations import Location
from contactfold_ingest.schedules.stores.files import (
    FileAway,
    FileRefused,
    RemoteFile,
    Store,
    StoreAway,
    StoreError,
    StoreRefused,
    Timeouts,
)

__all__ = [
    "FileAway",
    "FileRefused",
    "Location",
    "RemoteFile",
    "Store",
    "StoreAway",
    "StoreError",
    "StoreRefused",
    "Timeouts",
    "open_store",
]


_MODULES = {
    "folder": ("local", "LocalStore"),
    "sftp": ("sftp", "SftpStore"),
    "s3": ("s3", "S3Store"),
    "https": ("https", "HttpsStore"),
}


def open_store(location: Location, timeouts: Timeouts | None = None) -> Store:
    """The store at a location, not connected yet: the first call does that. Always `close` it.

    The first one of a kind imports its packages, which takes up to a second or two: call this in a thread
    (`asyncio.to_thread`) where others wait. Raises `StoreRefused` where they are missing.
    """
    module, name = _MODULES[location.kind]
    try:
        made = getattr(import_module(f"{__name__}.{module}"), name)
    except ImportError as error:
        if (error.name or "").startswith("contactfold"):
            raise
        raise StoreRefused(
            f"Fetching from {location.kind.upper()} needs packages that are not installed: install contactfold[remote]."
        ) from None
    store: Store = made(location, timeouts or Timeouts())
    return store
