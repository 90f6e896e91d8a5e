from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from kb_tests.fleet import certificate


def test_the_certificate_is_its_own_and_good_for_a_while() -> None:
    pem = certificate.make()
    made = x509.load_pem_x509_certificate(pem[pem.index("-----BEGIN CERTIFICATE") :].encode())
    made.verify_directly_issued_by(made)
    now = datetime.now(UTC)
    assert made.not_valid_before_utc < now < made.not_valid_after_utc - timedelta(days=30)


def test_a_server_can_use_it(tmp_path: Path) -> None:
    file = tmp_path / "tls.pem"
    file.write_text(certificate.make())
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)


def test_each_run_has_its_own() -> None:
    assert certificate.make() != certificate.make()
