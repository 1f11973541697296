"""Ingest's periodic tasks: those that every service has, and none of its own yet."""

from services.chassis.database import Database
from services.chassis.periodic import Task
from services.chassis.sweeps import chassis_sweeps
from services.ingest.config import IngestConfig


def sweeps(database: Database, config: IngestConfig) -> list[Task]:
    """What ingest runs periodically."""
    return chassis_sweeps(database, config)
