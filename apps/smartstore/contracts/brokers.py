"""How a client reaches Kafka: the brokers, encryption and login, in the words of each kind of client.

`smartstore.process.kafka` reads a client's variables, the operator gives them to it.
"""

from typing import Literal

import msgspec
from msgspec import Struct

Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]
Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]

BOOTSTRAP = "SMARTSTORE_KAFKA_BOOTSTRAP"
PROTOCOL = "SMARTSTORE_KAFKA_SECURITY_PROTOCOL"
MECHANISM = "SMARTSTORE_KAFKA_SASL_MECHANISM"
USERNAME = "SMARTSTORE_KAFKA_USERNAME"
PASSWORD = "SMARTSTORE_KAFKA_PASSWORD"
CA_FILE = "SMARTSTORE_KAFKA_CA_FILE"

_GROUP_PREFIX = "smartstore-"
_JAAS = {
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
}


def group_id(part: str) -> str:
    """The consumer group of a part of a SmartStore. All begin alike, so that one rule of access covers them."""
    return _GROUP_PREFIX + part


class Login(Struct, frozen=True, kw_only=True):
    """A user of the brokers. Printed without the password."""

    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.mechanism}, {self.username})"

    def jaas(self) -> str:
        """The login as Java's clients take it; strings are quoted as in JSON."""
        username, password = (msgspec.json.encode(text).decode() for text in (self.username, self.password))
        return f"{_JAAS[self.mechanism]} required username={username} password={password};"


class Brokers(Struct, frozen=True):
    """The brokers and how they let a client in."""

    bootstrap: str
    """host:port, comma separated."""
    tls: bool = False
    ca_file: str = ""
    """Certificates (PEM) that the brokers' own must be signed by; empty: what the client's system trusts."""
    login: Login | None = None

    @property
    def protocol(self) -> Protocol:
        """Kafka's name for the kind of connection."""
        if self.login is None:
            return "SSL" if self.tls else "PLAINTEXT"
        return "SASL_SSL" if self.tls else "SASL_PLAINTEXT"

    def variables(self) -> dict[str, str]:
        """The environment of a process that connects to them; those that say nothing are left out."""
        found = {BOOTSTRAP: self.bootstrap}
        if self.protocol != "PLAINTEXT":
            found[PROTOCOL] = self.protocol
        if self.ca_file:
            found[CA_FILE] = self.ca_file
        if self.login is not None:
            found[MECHANISM] = self.login.mechanism
            found[USERNAME] = self.login.username
            found[PASSWORD] = self.login.password
        return found

    def _common(self) -> dict[str, str]:
        found = {"bootstrap.servers": self.bootstrap}
        return found if self.protocol == "PLAINTEXT" else found | {"security.protocol": self.protocol}

    def librdkafka(self) -> dict[str, str]:
        """The settings of a client of confluent-kafka.

        https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
        """
        found = self._common()
        if self.tls and self.ca_file:
            found["ssl.ca.location"] = self.ca_file
        if self.login is not None:
            found["sasl.mechanism"] = self.login.mechanism
            found["sasl.username"] = self.login.username
            found["sasl.password"] = self.login.password
        return found

    def java(self) -> dict[str, str]:
        """The settings of a Java client. https://kafka.apache.org/documentation/#security_configclients"""
        found = self._common()
        if self.tls and self.ca_file:
            found["ssl.truststore.type"] = "PEM"
            found["ssl.truststore.location"] = self.ca_file
        if self.login is not None:
            found["sasl.mechanism"] = self.login.mechanism
            found["sasl.jaas.config"] = self.login.jaas()
        return found
