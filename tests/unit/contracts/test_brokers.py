"""How clients of each kind are told to reach Kafka."""

import json

import pytest

from smartstore.contracts.brokers import Brokers, Login

pytestmark = pytest.mark.unit

LOGIN = Login(username="shop", password="s3cret")


def test_open_brokers_need_an_address_only() -> None:
    open_ones = Brokers("k1:9092,k2:9092")
    assert open_ones.librdkafka() == open_ones.java() == {"bootstrap.servers": "k1:9092,k2:9092"}
    assert open_ones.variables() == {"SMARTSTORE_KAFKA_BOOTSTRAP": "k1:9092,k2:9092"}


def test_every_kind_of_connection_has_its_name() -> None:
    made = [Brokers("k:1", tls=tls, login=login).protocol for tls in (False, True) for login in (None, LOGIN)]
    assert made == ["PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"]


def test_encryption_and_login_in_the_words_of_each_client() -> None:
    guarded = Brokers("k:9094", tls=True, ca_file="/ca.pem", login=LOGIN)
    assert guarded.librdkafka() == {
        "bootstrap.servers": "k:9094",
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": "/ca.pem",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "shop",
        "sasl.password": "s3cret",
    }
    assert guarded.java() == {
        "bootstrap.servers": "k:9094",
        "security.protocol": "SASL_SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": "/ca.pem",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required"
        ' username="shop" password="s3cret";',
    }


def test_without_certificates_a_client_trusts_what_its_system_trusts() -> None:
    public = Brokers("k:9094", tls=True)
    assert not [name for name in (*public.librdkafka(), *public.java()) if name.startswith("ssl.")]


def test_a_plain_login_has_a_module_of_its_own() -> None:
    login = Login(mechanism="PLAIN", username="shop", password="s3cret")
    assert "plain.PlainLoginModule required" in Brokers("k:1", login=login).java()["sasl.jaas.config"]


def test_a_password_of_any_letters_is_quoted_for_java() -> None:
    jaas = Login(username="shop", password='a"b\\c;d\n ü').jaas()
    quoted = jaas.partition("password=")[2]
    assert quoted.endswith(";")
    assert json.loads(quoted[:-1]) == 'a"b\\c;d\n ü'
    assert "ü" in quoted  # Java's reader of such lines knows no escape for it
    assert "\n" not in jaas


def test_the_password_is_not_printed() -> None:
    assert "s3cret" not in repr(Brokers("k:1", login=LOGIN)) + str(LOGIN) + f"{LOGIN}"
    assert "shop" in repr(LOGIN)
