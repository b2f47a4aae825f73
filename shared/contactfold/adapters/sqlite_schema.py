"""The tables of the embedded directory.

Each keeps a record's document, packed, beside the columns it is found by. A column that a document has
too is not packed: the column is what counts. Small rows live in their index (`WITHOUT ROWID`);
contacts and evidence, which are large, have an index beside them, so that random keys touch few pages.
"""

import secrets

import apsw

from contactfold.adapters.sqlite_transactions import writing
from contactfold.domain.errors import ServerUnfit
from contactfold.ports import DIRECTORY_ID

FORMAT = b"4"
"""Raised whenever older versions of contactfold could not read what this one writes."""

SETTINGS = "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"

TABLES = """
CREATE TABLE IF NOT EXISTS positions (
    partition TEXT PRIMARY KEY, next INTEGER NOT NULL, recent BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS contacts (
    handle BLOB NOT NULL UNIQUE, id BLOB NOT NULL, component BLOB, nobody INTEGER NOT NULL, version INTEGER NOT NULL,
    document BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS contacts_by_component ON contacts (component) WHERE component IS NOT NULL;

-- Which contact absorbed a handle.
CREATE TABLE IF NOT EXISTS absorbed (handle BLOB PRIMARY KEY, contact BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS absorbed_by_contact ON absorbed (contact);

-- Which contacts link to an organisation.
CREATE TABLE IF NOT EXISTS links (
    contact BLOB NOT NULL, account_id TEXT NOT NULL, PRIMARY KEY (contact, account_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_account ON links (account_id);

-- Which contacts name an identifier that identifies nobody.
CREATE TABLE IF NOT EXISTS shared (
    contact BLOB NOT NULL, identifier TEXT NOT NULL, PRIMARY KEY (contact, identifier)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shared_by_identifier ON shared (identifier);

CREATE TABLE IF NOT EXISTS claims (
    identifier TEXT PRIMARY KEY, version INTEGER NOT NULL, document BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS components (
    id BLOB PRIMARY KEY, version INTEGER NOT NULL, document BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS fragments (
    account_id TEXT NOT NULL, partition TEXT NOT NULL, version INTEGER NOT NULL, document BLOB NOT NULL,
    PRIMARY KEY (account_id, partition)
) WITHOUT ROWID;

-- A row without a stamp is a stub: it stands for an event that retractions name and that has not arrived.
CREATE TABLE IF NOT EXISTS evidence (
    event_id BLOB NOT NULL UNIQUE, handle BLOB, stamp BLOB, partition TEXT, account_id TEXT,
    import_id TEXT, import_row INTEGER, retractions BLOB, retracted INTEGER NOT NULL, version INTEGER NOT NULL,
    document BLOB
);
CREATE INDEX IF NOT EXISTS evidence_by_handle ON evidence (handle, stamp) WHERE handle IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_by_account ON evidence (account_id, partition, stamp)
    WHERE account_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_by_import ON evidence (import_id, import_row) WHERE import_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS loose_evidence ON evidence (event_id)
    WHERE (handle IS NULL OR retracted) AND stamp IS NOT NULL;
CREATE INDEX IF NOT EXISTS stubs ON evidence (event_id) WHERE stamp IS NULL;

-- The imports that an erasure has reached.
CREATE TABLE IF NOT EXISTS erased_imports (id TEXT PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS rules (
    id BLOB PRIMARY KEY, number INTEGER NOT NULL UNIQUE, version INTEGER NOT NULL, document BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS gates (
    subject TEXT NOT NULL, partition TEXT NOT NULL, version INTEGER NOT NULL, document BLOB NOT NULL,
    PRIMARY KEY (subject, partition)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS settlings (
    id BLOB PRIMARY KEY, version INTEGER NOT NULL, document BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS dead_letters (
    id TEXT NOT NULL UNIQUE, import_id TEXT, import_row INTEGER, document BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS dead_letters_by_import ON dead_letters (import_id, import_row) WHERE import_id IS NOT NULL;

CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS tokens (
    digest BLOB PRIMARY KEY, expires_at INTEGER NOT NULL, document BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tokens_by_expiry ON tokens (expires_at);

CREATE TABLE IF NOT EXISTS imports (
    id TEXT PRIMARY KEY, running INTEGER NOT NULL, version INTEGER NOT NULL, document BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS running_imports ON imports (id) WHERE running;

CREATE TABLE IF NOT EXISTS schedules (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, document BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS scheduled_files (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, document BLOB NOT NULL
) WITHOUT ROWID;
"""


def make_tables(connection: apsw.Connection) -> None:
    """Make what is missing, in one transaction. Raises `ServerUnfit` where the file has another format."""
    with writing(connection):
        connection.execute(SETTINGS)
        initial = [("format", FORMAT), (DIRECTORY_ID, secrets.token_hex(4).encode())]
        connection.executemany("INSERT OR IGNORE INTO settings VALUES (?, ?)", initial)
        row = connection.execute("SELECT value FROM settings WHERE name = 'format'").fetchone()
        found = row[0] if row else None
        if found != FORMAT:
            raise ServerUnfit(
                f"The directory has the format {bytes(found or b'?').decode(errors='replace')}, this version of "
                f"contactfold knows {FORMAT.decode()}: use the version that wrote it, or a new data directory."
            )
        connection.execute(TABLES)
