"""Certificates for the bundled Java, which has a trust store of its own and ignores the system's.

Behind a proxy with its own certificate authority that store is not enough. Debian keeps a ready store where a system
Java is installed; where none is, the system's PEM bundle is converted.
"""

import base64
import hashlib
import os
import re
import struct
from pathlib import Path

SYSTEM_STORE = Path("/etc/ssl/certs/java/cacerts")
PEM_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/cert.pem"),
)
_PASSWORD = "changeit"  # Java's customary one; the store holds public certificates only
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s(.*?)-----END CERTIFICATE-----", re.DOTALL)


def trust_store(directory: Path) -> Path | None:
    """A Java trust store with the system's certificates, or None when the system has none to offer.

    A converted store is written to `directory` and written again when the PEM bundle changes.
    """
    if SYSTEM_STORE.is_file():
        return SYSTEM_STORE
    bundle = pem_bundle()
    if bundle is None:
        return None
    content = jks([base64.b64decode(body) for body in _PEM.findall(bundle.read_bytes())])
    store = directory / f"truststore-{hashlib.sha256(content).hexdigest()[:12]}.jks"
    if not store.is_file() or store.read_bytes() != content:
        draft = store.with_suffix(f".{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(store)
    return store


def pem_bundle() -> Path | None:
    """The system's certificates in PEM: `$SSL_CERT_FILE` first, then the usual places."""
    named = os.environ.get("SSL_CERT_FILE")
    candidates = ((Path(named),) if named else ()) + PEM_BUNDLES
    return next((path for path in candidates if path.is_file()), None)


def jks(certificates: list[bytes]) -> bytes:
    """A JKS file (format version 2) that trusts these DER certificates.

    Layout, all big-endian, from the JDK's JavaKeyStore: magic, version, count, then per entry tag 2, alias, creation
    time in ms, type, certificate; closed by SHA-1 of password in UTF-16, the JDK's fixed salt, and all before it.
    """
    body = struct.pack(">III", 0xFEEDFEED, 2, len(certificates))
    for number, certificate in enumerate(certificates):
        body += struct.pack(">I", 2) + _utf(f"ca-{number}") + struct.pack(">Q", 0) + _utf("X.509")
        body += struct.pack(">I", len(certificate)) + certificate
    seal = hashlib.sha1(_PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + body, usedforsecurity=False)
    return body + seal.digest()


def _utf(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded
