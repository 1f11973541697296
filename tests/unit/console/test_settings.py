"""What the environment says, and what it leaves out."""

import pytest

from services.console.failures import SettingMissingError
from services.console.settings import Credential, from_environment, migrate_url


def test_addresses_and_tokens_come_from_the_environment() -> None:
    settings = from_environment(
        {
            "WAYBILL_ROUTING_ADDRESS": "127.0.0.1:7001",
            "WAYBILL_TOKEN": "tenant\n",
            "WAYBILL_SERVICE_TOKEN": "operator",
        }
    )
    assert settings.address("routing") == "127.0.0.1:7001"
    assert settings.token(Credential.TENANT) == "tenant"
    assert settings.token(Credential.OPERATOR) == "operator"


def test_what_is_missing_is_named_with_what_to_do() -> None:
    settings = from_environment({})
    with pytest.raises(SettingMissingError, match=r"WAYBILL_INGEST_ADDRESS.*source \.waybill/env"):
        settings.address("ingest")
    with pytest.raises(SettingMissingError, match="WAYBILL_SERVICE_TOKEN"):
        settings.token(Credential.OPERATOR)


def test_tokens_are_not_in_the_settings_text() -> None:
    assert "hush" not in repr(from_environment({"WAYBILL_TOKEN": "hush"}))


def test_a_service_is_migrated_by_its_own_url_where_it_has_one() -> None:
    environ = {"WAYBILL_DATABASE_URL": "all", "WAYBILL_ROUTING_MIGRATE_URL": "own"}
    assert migrate_url(environ, "routing") == "own"
    assert migrate_url(environ, "ingest") == "all"
    with pytest.raises(SettingMissingError, match="WAYBILL_DATABASE_URL"):
        migrate_url({}, "ingest")
