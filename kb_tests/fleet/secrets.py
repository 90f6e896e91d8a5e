"""What a run's control plane is protected by. Nothing here is ever printed."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from kb_tests.errors import FleetError


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

    def save(self, path: Path) -> None:
        """Keep them in a new file that only its owner can read, for a topology that outlives the run.

        Raises OSError, FileExistsError among them.
        """
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(asdict(self), file)

    @classmethod
    def load(cls, path: Path) -> Secrets:
        """Read what `save` wrote; raises FleetError for anything else."""
        try:
            data = json.loads(path.read_bytes())
            return cls(**data | {name: KeyPair(**data[name]) for name in ("client", "host")})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise FleetError(f"{path} holds no secrets of a run: {type(error).__name__}.") from None
