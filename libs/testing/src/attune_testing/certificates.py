"""Certificates for tests of TLS, by an authority that only the test trusts."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from common.rpc import tls


class Authority:
    """A certificate authority of its own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        # All have the same name, as an authority and its successor do; the identifier tells which.
        self._name = _name("Attune tests")
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._certificate = (
            _builder(self._key.public_key(), self._name, self._name, timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(self._identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        """The authority's own certificate."""
        return self._certificate.public_bytes(Encoding.PEM).decode()

    def issue(self, folder: Path, *names: str, valid: timedelta = timedelta(days=1)) -> Path:
        """Write tls.crt, tls.key, and ca.crt for host names and addresses into a folder.

        With a negative `valid` the certificate has expired. Return the folder.
        """
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        signer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier)
        certificate = (
            _builder(key.public_key(), _name(names[0]), self._name, valid)
            .add_extension(x509.SubjectAlternativeName([*_alternatives(names)]), critical=False)
            .add_extension(signer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for name, content in (
            (tls.CERTIFICATE, certificate.public_bytes(Encoding.PEM)),
            (tls.KEY, private),
            (tls.AUTHORITIES, self.pem.encode()),
        ):
            written = folder / f"{name}.new"
            written.touch(mode=0o600)
            written.write_bytes(content)
            written.replace(folder / name)
        return folder


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _builder(
    key: ec.EllipticCurvePublicKey, subject: x509.Name, issuer: x509.Name, valid: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3))
        .not_valid_after(now + valid)
    )


def _alternatives(names: tuple[str, ...]) -> Iterator[x509.GeneralName]:
    for name in names:
        with suppress(ValueError):
            yield x509.IPAddress(ip_address(name))
            continue
        yield x509.DNSName(name)
