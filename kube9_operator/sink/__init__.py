"""The sink: sends what is recorded to another store, as OTLP log records. docs/sink-records.md describes the records."""
