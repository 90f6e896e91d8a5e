"""What stands before APIs in real clouds: TLS of a private CA, and in companies a proxy."""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.waiting import PATIENCE


@dataclass(frozen=True)
class Authority:
    """A CA of nobody's trust store; `certificate` is its PEM file."""

    certificate: Path
    _key: ec.EllipticCurvePrivateKey
    _name: x509.Name

    @classmethod
    def made(cls, folder: Path) -> Authority:
        key, name = ec.generate_private_key(ec.SECP256R1()), _name("A private CA")
        path = folder / "ca.pem"
        path.write_bytes(
            _pem(_signed(name, key, name, key, [x509.BasicConstraints(ca=True, path_length=0), _SIGNS]))
        )
        return cls(path, key, name)

    def server(self, folder: Path, host: str = "127.0.0.1", days: int = 1) -> ssl.SSLContext:
        """For a server at the address `host`, whose certificate is good for so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
        certificate = _signed(_name(host), key, self._name, self._key, [names], days)
        path = folder / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + _pem(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


_SIGNS = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)
"""What a CA may do; from Python 3.13 on it has to be said (RFC 5280, 4.2.1.3)."""


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
    extensions: list[x509.ExtensionType],
    days: int = 1,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    for extension in extensions:
        builder = builder.add_extension(
            extension, critical=isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        )
    return builder.sign(signer, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Front(ThreadingHTTPServer):
    """Answers what `target` answers, with its own address in place of that one; `answer` is a status to give
    instead. It takes a proxy's requests, too: whatever host they are for.
    """

    daemon_threads = True

    def __init__(self, target: str, context: ssl.SSLContext | None = None, shown: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.target = target
        self.scheme = "https" if context else "http"
        self.shown = shown or self.url
        self.answer = 0
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust us goes away."""

    @contextmanager
    def serving(self) -> Iterator[Front]:
        thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Front

    def _forward(self) -> None:
        self.server.asked.append(self.path)
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.answer:
            self._reply(self.server.answer, b"<html>No way</html>", {"Content-Type": "text/html"})
            return
        parts = urlsplit(self.path)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection = http.client.HTTPConnection(urlsplit(self.server.target).netloc, timeout=PATIENCE)
        headers = {key: value for key, value in self.headers.items() if key not in ("Host", "Connection")}
        connection.request(self.command, path, sent, headers)
        answer = connection.getresponse()
        body = answer.read().replace(self.server.target.encode(), self.server.shown.encode())
        self._reply(answer.status, body, dict(answer.headers.items()))
        connection.close()

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for key, value in headers.items():
            if key.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815 - http.server's names

    def do_CONNECT(self) -> None:
        self.server.asked.append(self.path)
        self.send_error(self.server.answer or 502)

    def log_message(self, *args: object) -> None:
        pass
