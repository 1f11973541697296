"""Settings: every missing or bad one is named at once, as in the environment, without its value."""

from pathlib import Path

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.chassis.config import OutboundSettings, ServiceConfig, load

PREFIX = "WAYBILL_PROBE_"


class ProbeConfig(ServiceConfig):
    """Settings of a service that there is not."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    batch_max: int = Field(default=10, ge=1)
    networks: list[str] = Field(default=[])


GOOD = {
    "DATABASE_URL": "postgres://nobody:my-password@nowhere/db",
    "LISTEN": "127.0.0.1:1",
    "JWKS_FILE": "/keys/jwks.json",
    "TOKEN_FILE": "/keys/token",
    "SEALING_KEYS_FILE": "/keys/ring.json",
}


def environment(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(PREFIX + name, value)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **GOOD, BATCH_MAX="3", NETWORKS='["127.0.0.0/8"]')
    config = load(ProbeConfig)
    assert (config.batch_max, config.networks) == (3, ["127.0.0.0/8"])
    assert config.jwks_file == Path("/keys/jwks.json")
    assert config.database_connections_max == 8


def test_every_missing_setting_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(monkeypatch, LISTEN="127.0.0.1:1")
    with pytest.raises(SystemExit) as ended:
        load(ProbeConfig)
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    missing = set(GOOD) - {"LISTEN"}
    assert {name for name in GOOD if PREFIX + name in printed} == missing
    assert f"{len(missing)} settings are missing or bad" in printed


def test_every_bad_setting_is_named_with_what_is_wrong_and_not_with_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {
        "BATCH_MAX": "0",
        "DATABASE_CONNECTIONS_MAX": "many-secrets",
        "LOG_LEVEL": "LOUD",
        "DRAIN_SECONDS": "-1",
    }
    environment(monkeypatch, **GOOD, **bad)
    with pytest.raises(SystemExit):
        load(ProbeConfig)
    printed = capsys.readouterr().err
    assert all(PREFIX + name in printed for name in bad)
    assert "greater than or equal to 1" in printed
    assert "many-secrets" not in printed
    assert "my-password" not in printed


def test_request_ids_outlive_the_longest_retries(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(monkeypatch, **GOOD, REQUESTS_KEPT_DAYS="7")
    with pytest.raises(SystemExit):
        load(ProbeConfig)
    assert "WAYBILL_PROBE_REQUESTS_KEPT_DAYS" in capsys.readouterr().err


class CallingConfig(ServiceConfig, OutboundSettings):
    """Settings of a service that calls hosts that others chose."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)


def test_outbound_settings_are_named_like_the_services_own(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(
        monkeypatch,
        **GOOD,
        OUTBOUND_ALLOWED_NETWORKS='["127.0.0.0/8"]',
        OUTBOUND_HTTP_HOSTS='["localhost"]',
    )
    config = load(CallingConfig)
    assert config.outbound_allowed_networks == ("127.0.0.0/8",)
    assert config.outbound_http_hosts == ("localhost",)
    assert config.listen == "127.0.0.1:1"


def test_by_default_public_addresses_are_called_and_by_https(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment(monkeypatch, **GOOD)
    config = load(CallingConfig)
    assert (config.outbound_allowed_networks, config.outbound_http_hosts) == ((), ())


def test_a_network_that_is_not_one_is_refused_by_its_settings_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(monkeypatch, **GOOD, OUTBOUND_ALLOWED_NETWORKS='["127.0.0.1/8"]')
    with pytest.raises(SystemExit):
        load(CallingConfig)
    assert PREFIX + "OUTBOUND_ALLOWED_NETWORKS" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "localhost:80", "127.0.0.1:0", "127.0.0.1:65536", "::1:80", "[127.0.0.1]:80"],
)
def test_an_address_without_port_or_ip_is_refused_by_its_settings_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    environment(monkeypatch, **GOOD, OUTBOUND_ALLOWED_ADDRESSES=f'["{text}"]')
    with pytest.raises(SystemExit):
        load(CallingConfig)
    assert PREFIX + "OUTBOUND_ALLOWED_ADDRESSES" in capsys.readouterr().err
