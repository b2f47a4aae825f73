"""The adapters that the settings choose. For composition roots: nothing else may know which they are."""

from contactfold.environment import Settings
from contactfold.ports import Directory, EventLog

LOG_FILE = "log.db"
DIRECTORY_FILE = "directory.db"


def make_log(settings: Settings, *, alone: bool = False) -> EventLog:
    """The event log of the settings, not open yet. Raises `Misconfigured` for an address that cannot be one.

    `alone` says that the event loop has nothing to do but to read it: where it is embedded, it is read in its thread.
    """
    if settings.log is None:
        from contactfold.adapters.sqlite_log import SqliteLog

        return SqliteLog(settings.data_dir / LOG_FILE, alone=alone)
    from contactfold.adapters.kafka_address import KafkaAddress
    from contactfold.adapters.kafka_log import KafkaLog

    password = settings.kafka_password
    return KafkaLog(
        KafkaAddress.parse(
            settings.log,
            security_protocol=settings.kafka_security_protocol,
            sasl_mechanism=settings.kafka_sasl_mechanism,
            username=settings.kafka_username,
            password=password.get_secret_value() if password else None,
            ca_file=str(settings.kafka_ca_file) if settings.kafka_ca_file else None,
        )
    )


def make_directory(settings: Settings, *, alone: bool = False) -> Directory:
    """The directory of the settings, not open yet. Raises `Misconfigured` for an address that cannot be one.

    `alone` as in `make_log`.
    """
    if settings.directory is None:
        from contactfold.adapters.sqlite_directory import SqliteDirectory

        return SqliteDirectory(settings.data_dir / DIRECTORY_FILE, alone=alone)
    from contactfold.adapters.mongo_directory import MongoDirectory

    return MongoDirectory(settings.directory.get_secret_value())
