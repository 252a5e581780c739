"""A client of the gateway that knows docs/gateway.md and nothing of SmartStore's code."""

import gzip
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

JSON, NDJSON = "application/json", "application/x-ndjson"
_GIVE_UP_SECONDS = 120


@dataclass
class Till:
    """Posts to the gateway with one key, and comes again until it has an answer that is final."""

    url: str
    key: str
    answers: Counter[object] = field(default_factory=Counter)
    """How many answers of each status, and how many broken connections ("none")."""

    def post_events(
        self, records: list[dict[str, Any]], *, lines: bool = False, packed: bool = False
    ) -> httpx.Response:
        """Send records as an array or a record a line, plain or packed."""
        texts = [json.dumps(record) for record in records]
        body = ("\n".join(texts) if lines else f"[{','.join(texts)}]").encode()
        headers = {"Content-Type": NDJSON if lines else JSON}
        if packed:
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        return self.send("/v1/events", body, headers)

    def post_command(self, command: dict[str, Any], **headers: str) -> httpx.Response:
        """Send one command."""
        return self.send("/v1/commands", json.dumps(command).encode(), {"Content-Type": JSON, **headers})

    def send(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Send, and as the page says the same again after 429, 503 or no answer at all."""
        give_up = time.monotonic() + _GIVE_UP_SECONDS
        while True:
            answer = self.send_once(path, body, headers)
            if answer is not None and answer.status_code not in (429, 503):
                return answer
            if time.monotonic() > give_up:
                raise TimeoutError(f"no final answer within {_GIVE_UP_SECONDS} s: {dict(self.answers)}")
            time.sleep(1 if answer is None else int(answer.headers["Retry-After"]))

    def send_once(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response | None:
        """One attempt; None when the connection broke."""
        authorised = headers | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        try:
            answer = httpx.post(f"{self.url}{path}", content=body, headers=authorised, timeout=30)
        except httpx.TransportError:
            self.answers["none"] += 1
            return None
        self.answers[answer.status_code] += 1
        return answer
