"""Ask a server whether it serves, as a real client: `python -m smartstore_operator.embedded.probe KIND HOST:PORT`.

`kafka`: the broker lists itself. `redis`: the server logs us in (password from `SMARTSTORE_REDIS_URL`) and answers
PING, which it refuses while it loads its log. Exit code 0 means yes.
"""

import os
import socket
import sys
from urllib.parse import unquote, urlsplit

_SECONDS = 3.0


def kafka_serves(address: str) -> bool:
    """Whether the broker at host:port answers a metadata request and is among the living brokers."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": address, "log_level": 0}, logger=None)
    try:
        return bool(client.list_topics(timeout=_SECONDS).brokers)
    except KafkaException:
        return False


def redis_serves(address: str, url: str = "") -> bool:
    """Whether the server at host:port answers PING, after AUTH when `url` has a password."""
    host, _, port = address.rpartition(":")
    password = unquote(urlsplit(url).password or "")
    try:
        with socket.create_connection((host, int(port)), timeout=_SECONDS) as connection:
            stream = connection.makefile("rwb")
            if password:
                stream.write(_command("AUTH", password))
            stream.write(_command("PING"))
            stream.flush()
            if password and stream.readline() != b"+OK\r\n":
                return False
            return stream.readline() == b"+PONG\r\n"
    except OSError:
        return False


def _command(*words: str) -> bytes:
    parts = (f"${len(word.encode())}\r\n{word}\r\n" for word in words)
    return f"*{len(words)}\r\n{''.join(parts)}".encode()


def main(arguments: list[str]) -> int:
    """Exit code 0 if the server serves."""
    kind, address = arguments
    if kind == "kafka":
        return 0 if kafka_serves(address) else 1
    return 0 if redis_serves(address, os.environ.get("SMARTSTORE_REDIS_URL", "")) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
