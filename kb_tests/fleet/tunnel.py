"""SSH to the proxy, and Redis through it: one encrypted way in, the host key known beforehand."""

from __future__ import annotations

import io
import logging
import shlex
import socket
import subprocess
import time

import paramiko

from kb_tests.cloud.topology import Access
from kb_tests.errors import TunnelError
from kb_tests.fleet import boot
from kb_tests.fleet.secrets import Secrets

CONNECT_TIMEOUT = 10.0
KEEPALIVE = 15
_PAUSE = 0.3
_LOG = "kb_tests.ssh"

# paramiko reports every failed attempt with a traceback; what matters is raised.
logging.getLogger(_LOG).setLevel(logging.CRITICAL)

_NOT_YET = (OSError, EOFError, paramiko.SSHException)


class _WrongHostKeyError(paramiko.SSHException):
    """Somebody else, or our own proxy before its user_data ran."""


class Tunnel:
    """A way to the run's Redis. It is made at the first `dial`, and made again when it breaks."""

    def __init__(self, access: Access, secrets: Secrets) -> None:
        self._access = access
        self._key = paramiko.Ed25519Key.from_private_key(io.StringIO(secrets.client.private))
        self._host_key = secrets.host.public.split()[1]
        self._transport: paramiko.Transport | None = None
        self._command: subprocess.Popen[bytes] | None = None

    def dial(self, deadline: float) -> paramiko.Channel:
        """A byte stream to Redis; retried until `deadline` (monotonic seconds), then TunnelError.

        A wrong host key is "not ready yet" until then: sshd may start before user_data has run.
        """
        while True:
            try:
                return self._open()
            except _NOT_YET as error:
                self.close()
                if time.monotonic() + _PAUSE >= deadline:
                    raise self._failure(error) from error
            time.sleep(_PAUSE)

    def close(self) -> None:
        """Close it; `dial` makes it again."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()
        command, self._command = self._command, None
        if command is not None:
            command.kill()
            command.wait()

    def _open(self) -> paramiko.Channel:
        if self._transport is None or not self._transport.is_active():
            self.close()
            self._transport = self._connect()
        destination = (self._access.redis_host, self._access.redis_port)
        return self._transport.open_channel(
            "direct-tcpip", destination, ("127.0.0.1", 0), timeout=CONNECT_TIMEOUT
        )

    def _connect(self) -> paramiko.Transport:
        transport = paramiko.Transport(self._socket())
        try:
            transport.set_log_channel(_LOG)
            transport.get_security_options().key_types = ("ssh-ed25519",)
            transport.set_keepalive(KEEPALIVE)
            transport.start_client(timeout=CONNECT_TIMEOUT)
            if transport.get_remote_server_key().get_base64() != self._host_key:
                raise _WrongHostKeyError
            transport.auth_publickey(boot.SSH_USER, self._key)
        except BaseException:
            transport.close()
            raise
        return transport

    def _socket(self) -> socket.socket:
        access = self._access
        if not access.proxy_command:
            return socket.create_connection((access.host, access.port), CONNECT_TIMEOUT)
        command = access.proxy_command
        for token, value in (("%h", access.host), ("%p", str(access.port)), ("%r", boot.SSH_USER)):
            command = command.replace(token, value)
        ours, theirs = socket.socketpair()
        with theirs:
            # A session of its own: Ctrl-C must not cut the tunnel before the agents are stopped.
            self._command = subprocess.Popen(
                shlex.split(command),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        return ours

    def _failure(self, error: Exception) -> TunnelError:
        where = f"{self._access.host}:{self._access.port}"
        if isinstance(error, _WrongHostKeyError):
            return TunnelError(
                f"SSH at {where} shows a host key that is not the one given to the proxy.",
                remedy="Either its user_data did not run (see its console log), or another machine answers.",
            )
        if isinstance(error, paramiko.ChannelException):
            return TunnelError(
                f"Redis at {self._access.redis_host}:{self._access.redis_port} cannot be reached through the "
                f"proxy at {where}: {error}.",
                remedy="See the proxy's console log.",
            )
        if isinstance(error, paramiko.AuthenticationException):
            return TunnelError(
                f"The proxy at {where} refuses the key of this run.", remedy="See its console log."
            )
        way = f" by {self._access.proxy_command!r}" if self._access.proxy_command else ""
        return TunnelError(
            f"SSH to the proxy at {where}{way} fails: {error or type(error).__name__}.",
            remedy="Look at its floating IP, its security group and its console log.",
        )
