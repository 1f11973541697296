import pytest
from pydantic import ValidationError

from services.delivery.config import DeliveryConfig
from services.delivery.policies import backoff_policy, claim_terms, webhook_policy

SETTINGS = {
    "DATABASE_URL": "postgres://nowhere",
    "LISTEN": "127.0.0.1:0",
    "JWKS_FILE": "jwks.json",
    "TOKEN_FILE": "delivery.jwt",
    "SEALING_KEYS_FILE": "sealing.json",
    "ROUTING_TARGET": "127.0.0.1:1",
}


def a_config(monkeypatch: pytest.MonkeyPatch, **settings: str) -> DeliveryConfig:
    for name, value in {**SETTINGS, **settings}.items():
        monkeypatch.setenv(f"WAYBILL_DELIVERY_{name}", value)
    return DeliveryConfig()


def test_the_defaults_call_public_addresses_only_by_https(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = webhook_policy(a_config(monkeypatch))
    assert (policy.allowed_networks, policy.http_hosts) == ((), frozenset())


def test_lists_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    config = a_config(
        monkeypatch,
        OUTBOUND_ALLOWED_NETWORKS='["127.0.0.0/8"]',
        OUTBOUND_HTTP_HOSTS='["127.0.0.1"]',
        RETRY_SCHEDULE_SECONDS="[1, 2]",
    )
    assert [str(network) for network in webhook_policy(config).allowed_networks] == ["127.0.0.0/8"]
    assert backoff_policy(config).schedule_seconds == (1, 2)
    assert claim_terms(config).attempts_max == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"SEND_LEASE_SECONDS": "20"},
        {"HOLD_SECONDS": "10"},
        {"OUTBOUND_ALLOWED_NETWORKS": '["nowhere"]'},
        {"RETRY_SCHEDULE_SECONDS": "[]"},
        {"RETRY_SCHEDULE_SECONDS": "[-1]"},
    ],
)
def test_what_would_send_twice_or_never_is_refused(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError):
        a_config(monkeypatch, **settings)
