"""Brings a service's schema up, down, or says where it stands.

Tables come by dbmate migrations (the chassis' and the service's own, each with a migrations table
in the schema); functions, grants and policies are files that are applied after them where they
differ from what was applied: `applied_files.py`. One migrator works at a time.

Three roles for each service: `waybill_<service>_owner` owns tables and ordinary functions,
`waybill_<service>_system` owns the security definer functions that claim and sweep over all
tenants, `waybill_<service>` logs in and owns nothing.
"""

from services.chassis.migrate.locks import MigrationFailedError
from services.chassis.migrate.schemas import (
    CHASSIS,
    RUNS_AS_SYSTEM,
    SERVICES,
    Schema,
    function_files,
    schemas,
)
from services.chassis.migrate.steps import dbmate_url, down, plan, status, step_back, up

__all__ = [
    "CHASSIS",
    "RUNS_AS_SYSTEM",
    "SERVICES",
    "MigrationFailedError",
    "Schema",
    "dbmate_url",
    "down",
    "function_files",
    "plan",
    "schemas",
    "status",
    "step_back",
    "up",
]
