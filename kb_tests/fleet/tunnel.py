"""SSH to the proxy, and Redis through it: one encrypted way in, the host key known beforehand."""

from __future__ import annotations

import io
import logging
import socket
import time

import paramiko

from kb_tests.cloud.topology import Access
from kb_tests.errors import TunnelError
from kb_tests.fleet import boot
from kb_tests.fleet.proxy_command import ProxyCommand
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


_THROUGH = (_WrongHostKeyError, paramiko.ChannelException, paramiko.AuthenticationException)
"""Errors of the other end: the way to it is good."""


class Tunnel:
    """A way to the run's Redis. It is made at the first `dial`, and made again when it breaks."""

    def __init__(self, access: Access, secrets: Secrets) -> None:
        self._access = access
        self._key = paramiko.Ed25519Key.from_private_key(io.StringIO(secrets.client.private))
        self._host_key = secrets.host.public.split()[1]
        self._transport: paramiko.Transport | None = None
        self._command: ProxyCommand | None = None

    def dial(self, deadline: float) -> paramiko.Channel:
        """A byte stream to Redis; retried until `deadline` (monotonic seconds), then TunnelError.

        A ProxyCommand that cannot run is not tried again.

        A wrong host key is "not ready yet" until then: sshd may start before user_data has run.
        """
        while True:
            try:
                return self._open()
            except _NOT_YET as error:
                last = time.monotonic() + _PAUSE >= deadline
                ending, in_vain = "", False
                if self._command is not None and not isinstance(error, _THROUGH):
                    ending = self._command.ending()
                    in_vain = self._command.cannot_run()
                self.close()
                if last or in_vain:
                    raise self._failure(error, ending) from error
            time.sleep(_PAUSE)

    def close(self) -> None:
        """Close it; `dial` makes it again."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()
        command, self._command = self._command, None
        if command is not None:
            command.close()

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
        try:
            self._command = ProxyCommand(access.proxy_command, access.host, access.port, boot.SSH_USER)
        except (OSError, ValueError) as error:
            raise TunnelError(
                f"The ProxyCommand {access.proxy_command!r} cannot be started: {error}.",
                remedy="Correct --kb-ssh-proxy-command.",
            ) from error
        return self._command.socket

    def _failure(self, error: Exception, ending: str) -> TunnelError:
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
        remedy = "Look at its floating IP, its security group and its console log."
        return TunnelError(
            f"SSH to the proxy at {where}{way} fails: {error or type(error).__name__}"
            f"{f'; {ending}' if ending else ''}.",
            remedy=f"Try the ProxyCommand by hand. {remedy}" if ending else remedy,
        )
