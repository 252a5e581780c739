"""API keys: what they look like, what is kept of them, and for which store they speak.

A key is `sst_<key id>_<secret>`; the secret is 256 random bits. Postgres keeps its SHA-256 alone. A fast hash is right
here: slow ones make guessable passwords costly to guess, and 2^256 cannot be guessed at any speed.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime

from msgspec import Struct

ANY_STORE = "*"
"""The store of a key that speaks for the whole estate."""
_KEY = re.compile(r"sst_([0-9a-f]{12})_([0-9a-f]{64})")


class KeyRow(Struct, frozen=True, kw_only=True):
    """A key as it may be shown: without its hash."""

    key_id: str
    store_id: str
    name: str | None
    created_at: datetime
    revoked_at: datetime | None


class ValidKey(Struct, frozen=True):
    """A key that is not revoked: for whom it speaks, and the SHA-256 of its secret."""

    key_id: str
    store_id: str
    secret_hash: bytes

    def may_write(self, store_id: str) -> bool:
        """Whether it speaks for this store."""
        return self.store_id in (ANY_STORE, store_id)


def new_key() -> tuple[str, str, bytes]:
    """(the key, to be shown once; its id; the hash to be kept)."""
    key_id, secret = secrets.token_hex(6), secrets.token_hex(32)
    return f"sst_{key_id}_{secret}", key_id, hash_of(secret)


def hash_of(secret: str) -> bytes:
    """SHA-256 of a key's secret part."""
    return hashlib.sha256(secret.encode()).digest()


def parts_of(key: str) -> tuple[str, str] | None:
    """(key id, secret) of a presented key; None if it cannot be one."""
    match = _KEY.fullmatch(key)
    return (match.group(1), match.group(2)) if match else None


def fits(key: ValidKey, secret: str) -> bool:
    """Whether the secret is this key's; takes the same time whatever is wrong."""
    return hmac.compare_digest(key.secret_hash, hash_of(secret))
