"""What a run's control plane is protected by. Nothing here is ever printed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


@dataclass(frozen=True)
class KeyPair:
    """An ed25519 key pair: the private half as OpenSSH PEM, the public one as an authorized_keys line."""

    private: str = field(repr=False)
    public: str

    @classmethod
    def generate(cls) -> KeyPair:
        """A new pair from the system's random numbers."""
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return cls(private.decode("ascii"), public.decode("ascii"))


@dataclass(frozen=True)
class Secrets:
    """Keys and passwords of one run: `client` lets the controller into the proxy, `host` is the
    proxy's own identity, the passwords are those of the two Redis users.
    """

    client: KeyPair
    host: KeyPair
    controller_password: str = field(repr=False)
    agent_password: str = field(repr=False)

    @classmethod
    def generate(cls) -> Secrets:
        """New secrets for one run."""
        return cls(KeyPair.generate(), KeyPair.generate(), secrets.token_hex(32), secrets.token_hex(32))
