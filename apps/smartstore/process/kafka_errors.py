"""Why brokers do not let a client in. The client itself tries again for ever and says only that nobody answers."""

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

_FINAL = (KafkaError._AUTHENTICATION, KafkaError._SSL)  # noqa: SLF001  the only names of these codes


class KafkaErrors:
    """The `error_cb` of a client that asks one thing and wants to know why it got no answer."""

    def __init__(self) -> None:
        self.refusal = ""
        """Why the brokers refused the login or the encryption; empty if they did not."""

    def __call__(self, error: KafkaError) -> None:
        """What the client has met."""
        if error.code() in _FINAL:
            self.refusal = error.str()

    def why(self, client: Consumer | AdminClient, error: KafkaException) -> str:
        """The reason for a failed call of `client`, in one line."""
        client.poll(0)  # it hands over what it has met
        cause = error.args[0]
        return self.refusal or (cause.str() if isinstance(cause, KafkaError) else str(cause))
