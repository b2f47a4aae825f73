"""The ports' adapters: SQLite for one machine, Kafka and MongoDB for more."""
