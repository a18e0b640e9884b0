"""Certificates made on the spot, for servers on loopback."""

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificate(NamedTuple):
    """One certificate seen from both sides."""

    server: ssl.SSLContext
    """Shows the certificate."""
    client: ssl.SSLContext
    """Trusts it, and nothing else."""
    pem: bytes
    """The key and the certificate, for a server of ours to read from a file."""


def make_certificate(*names: str, expired: bool = False, days_left: float = 30) -> Certificate:
    """Self-signed, for `names` (by default localhost and 127.0.0.1), valid for so long yet unless `expired`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "OpenAlert tests")])
    today = datetime.now(UTC)  # noqa: TID251 - TLS libraries compare with the machine's clock
    begins = today - timedelta(days=30)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=1) if expired else today + timedelta(days=days_left))
        .add_extension(
            x509.SubjectAlternativeName([_name(name) for name in names or ("localhost", "127.0.0.1")]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "both.pem")
        path.write_bytes(secret + pem)
        server.load_cert_chain(path)
    return Certificate(server, ssl.create_default_context(cadata=pem.decode("ascii")), secret + pem)


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
