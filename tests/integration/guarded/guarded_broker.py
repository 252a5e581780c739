"""A broker that wants encryption and a login, and lets its users do only what they were given rights for."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from smartstore_operator.embedded import launch, ports
from smartstore_operator.embedded.system import load, prepare

USER = "shop"
SMARTSTORE = """\
apiVersion: smartstore.io/v1alpha1
kind: SmartStore
metadata: {name: brokers}
spec:
  kafka: {type: SingleNode, partitions: 2}
"""
GUARDED = """\
listeners=CLIENT://127.0.0.1:{open},CONTROLLER://127.0.0.1:{controller},GUARDED://127.0.0.1:{guarded}
advertised.listeners=CLIENT://127.0.0.1:{open},GUARDED://127.0.0.1:{guarded}
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.guarded.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={certificate}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""
"""What differs from the single node that `smartstore up` runs; its open listener stays, for an administrator."""


class GuardedBroker:
    """The running broker; `ca` is the certificate of the authority that signed its own."""

    def __init__(self, directory: Path) -> None:
        file = directory / "brokers.yaml"
        file.write_text(SMARTSTORE)
        smartstore, data = load(file, directory / "data")
        data.create(smartstore.name)
        system = prepare(smartstore, data)
        kafka = system.rendered.component("kafka")
        guarded = ports.choose(["guarded"], directory / "ports.json", taken=system.platform.ports.values())[
            "guarded"
        ]
        self.ca, certificate = _certificates(directory)
        settings = kafka.files["server.properties"] + GUARDED.format(
            open=kafka.ports["kafka"],
            controller=kafka.ports["kafka-controller"],
            guarded=guarded,
            certificate=certificate,
        )
        data.write_files([replace(kafka, files={**kafka.files, "server.properties": settings})])
        self.bootstrap = f"127.0.0.1:{guarded}"
        self.admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{kafka.ports['kafka']}", "log_level": 2})
        self._log = directory / "kafka.log"
        guard = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(int(signal.SIGTERM))]
        environment = {**os.environ, **kafka.environment}
        with self._log.open("w") as log:
            for command in kafka.before_start:
                subprocess.run(command, check=True, env=environment, stdout=log, stderr=log)
            self._process = subprocess.Popen(
                [*guard, *kafka.argv], env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self) -> None:
        """Until it answers."""
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and self._process.poll() is None:
            with suppress(KafkaException):
                self.admin.list_topics(timeout=1)
                return
        raise AssertionError(self._log.read_text()[-3000:])

    def add_user(self, password: str) -> None:
        """The user, who may do nothing yet."""
        how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(USER, how, password.encode())
        for future in self.admin.alter_user_scram_credentials([change]).values():
            future.result(timeout=30)

    def allow(
        self, kind: ResourceType, name: str, operations: Iterable[AclOperation], *, prefix: bool = False
    ) -> None:
        """Give the user rights for one thing, or for all whose names begin so."""
        pattern = ResourcePatternType.PREFIXED if prefix else ResourcePatternType.LITERAL
        allow = AclPermissionType.ALLOW
        rules = [AclBinding(kind, name, pattern, f"User:{USER}", "*", what, allow) for what in operations]
        for future in self.admin.create_acls(rules).values():
            future.result(timeout=30)

    def groups(self) -> set[str]:
        """All consumer groups that it knows."""
        return {group.group_id for group in self.admin.list_consumer_groups().result(timeout=30).valid}

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=60)


def _certificates(directory: Path) -> tuple[Path, Path]:
    """The authority's certificate, and a key and certificate for 127.0.0.1 signed by it in one file; all PEM."""
    ca, key, server = directory / "ca.pem", directory / "ca.key", directory / "server.pem"
    new = (
        "openssl",
        "req",
        "-x509",
        "-nodes",
        "-days",
        "2",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
    )
    authority = ("-subj", "/CN=authority of a test", "-keyout", key, "-out", ca)
    own = ("-CA", ca, "-CAkey", key, "-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1")
    subprocess.run((*new, *authority), check=True, capture_output=True)
    subprocess.run(
        (*new, *own, "-keyout", server, "-out", directory / "server.crt"), check=True, capture_output=True
    )
    server.write_text(server.read_text() + (directory / "server.crt").read_text())
    return ca, server
