"""Every constraint, unique index, policy, column without null and grant is listed, and refuses.

What is tried comes from the checked-in list, so a guard that is gone does not take its test away.
"""

import pytest

from tests.conventions.schemas import NAMES, Admin, mending
from tools.schema_guards.attacks import attacked
from tools.schema_guards.catalogue import schema_guards
from tools.schema_guards.listed import FOLDER, listed

RENEW = f"`make schema-guards` writes {FOLDER.name}/*.json ; read its diff, then commit it"


async def test_the_list_tells_of_every_guard_and_of_no_other(admin: Admin) -> None:
    on_list = {guard.id: guard for guard in listed()}
    there = {guard.id: guard for guard in await schema_guards(admin)}
    gone = [str(on_list[each]) for each in on_list.keys() - there.keys()]
    assert not gone, mending(
        sorted(gone), f"take back the change that dropped it; where that was the aim: {RENEW}"
    )
    new = [str(there[each]) for each in there.keys() - on_list.keys()]
    assert not new, mending(sorted(new), RENEW)
    changed = [
        f"{guard}: {guard.definition}, listed as {on_list[each].definition}"
        for each, guard in there.items()
        if guard.definition != on_list[each].definition
    ]
    assert not changed, mending(sorted(changed), RENEW)


@pytest.mark.parametrize("schema", NAMES)
async def test_what_is_listed_refuses_what_it_has_to(schema: str, admin: Admin) -> None:
    tried = [each for each in listed() if each.schema == schema and each.kind != "trigger"]
    assert tried
    let_through = [
        f"{guard}: {happened}" for guard in tried if (happened := await attacked(admin, guard))
    ]
    assert not let_through, mending(
        let_through, f"make the schema refuse it again; is the list behind? {RENEW}"
    )
