"""What a process reads from its environment about Kafka, and the one line that says what is wrong with it."""

from pathlib import Path

import pytest

from smartstore.contracts.brokers import Brokers, Login
from smartstore.process.env import Environment, MissingSetting, WrongSetting

pytestmark = pytest.mark.unit


def brokers(**variables: str) -> Brokers:
    given = {f"SMARTSTORE_KAFKA_{name}": value for name, value in variables.items()}
    return Environment(variables={"SMARTSTORE_KAFKA_BOOTSTRAP": "k:1", **given}).brokers


def test_without_more_the_connection_is_open() -> None:
    assert brokers() == Brokers("k:1")
    assert brokers(SECURITY_PROTOCOL="", PASSWORD="unused") == Brokers("k:1")


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "login", [None, Login(username="u", password="p"), Login(mechanism="PLAIN", username="u", password="p")]
)
def test_the_variables_of_brokers_are_read_back(tls: bool, login: Login | None, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    for ca_file in {"", str(ca) if tls else ""}:
        given = Brokers("k1:1,k2:2", tls=tls, ca_file=ca_file, login=login)
        assert Environment(variables=given.variables()).brokers == given


def test_the_mechanism_is_scram_by_default() -> None:
    login = brokers(SECURITY_PROTOCOL="SASL_SSL", USERNAME="u", PASSWORD="p").login
    assert login == Login(mechanism="SCRAM-SHA-512", username="u", password="p")


@pytest.mark.parametrize("missing", ["USERNAME", "PASSWORD"])
def test_a_login_needs_user_and_password(missing: str) -> None:
    given = {"USERNAME": "u", "PASSWORD": "p"} | {missing: ""}
    with pytest.raises(MissingSetting, match=f"SMARTSTORE_KAFKA_{missing} is not set"):
        brokers(SECURITY_PROTOCOL="SASL_PLAINTEXT", **given)


def test_a_wrong_value_is_told_with_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting) as error:
        brokers(SECURITY_PROTOCOL="TLS")
    allowed = "PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL are allowed"
    assert str(error.value) == f"SMARTSTORE_KAFKA_SECURITY_PROTOCOL is 'TLS'; {allowed}"
    with pytest.raises(WrongSetting, match="SMARTSTORE_KAFKA_SASL_MECHANISM is 'scram'"):
        brokers(SECURITY_PROTOCOL="SASL_SSL", SASL_MECHANISM="scram", USERNAME="u", PASSWORD="p")
    with pytest.raises(WrongSetting, match=r"CA_FILE is .*none\.pem, which cannot be read: No such file"):
        brokers(SECURITY_PROTOCOL="SSL", CA_FILE=str(tmp_path / "none.pem"))
