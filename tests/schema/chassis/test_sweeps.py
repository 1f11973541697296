"""The periodic tasks that each service runs beside its own."""

import pytest

from services.chassis.migrate import SERVICES, Schema, schemas
from services.chassis.sweeps import chassis_sweeps
from services.chassis.trace import new_root
from tests.conftest import Databases, config_for


@pytest.mark.parametrize("schema", schemas(), ids=lambda schema: schema.name)
async def test_every_service_sweeps_as_its_own_role(databases: Databases, schema: Schema) -> None:
    database = await databases.open(schema.name)
    for task in chassis_sweeps(database, config_for("")):
        assert await task.run(new_root().traceparent) == 0
    sources = [SERVICES / schema.name / name for name in ("__main__.py", "sweeps.py")]
    assert any("chassis_sweeps(database, config)" in source.read_text() for source in sources)
