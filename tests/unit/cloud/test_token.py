"""A sign-in that several threads share always hands out a token, whatever the others do with theirs."""

from __future__ import annotations

import threading

import pytest
from keystoneauth1 import exceptions as ksa
from keystoneauth1.access import AccessInfo, AccessInfoV3
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from kb_tests.cloud import token


class Contended:
    """A lock after whose release another thread is told that its token has ended, the first `times` times."""

    def __init__(self, plugin: Password, times: int) -> None:
        self._lock = threading.Lock()
        self._plugin = plugin
        self._times = times

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        if self._times:
            self._times -= 1
            self._plugin.invalidate()


class SignIn(Password):
    """Signs in without a Keystone."""

    def __init__(self, ended: int) -> None:
        super().__init__("http://keystone/v3", username="me", password="secret", user_domain_id="default")
        self._lock = Contended(self, ended)  # type: ignore[assignment]
        self.made = 0

    def get_auth_ref(self, session: Session) -> AccessInfoV3:
        self.made += 1
        return AccessInfoV3(
            {"token": {"expires_at": "2999-01-01T00:00:00Z"}}, auth_token=f"token-{self.made}"
        )


class Older(SignIn):
    """As in releases of keystoneauth that hand out None."""

    def get_access(self, session: Session, **options: object) -> AccessInfo:
        with self._lock:
            if self.auth_ref is None:
                self.auth_ref = self.get_auth_ref(session)
        return self.auth_ref


@pytest.mark.parametrize("kind", [SignIn, Older])
def test_a_token_that_another_thread_drops_is_made_anew(kind: type[SignIn]) -> None:
    plugin = kind(ended=2)
    token.share(plugin)
    assert Session(plugin).get_token() == "token-3"


def test_tokens_that_never_last_are_an_error_of_the_sign_in() -> None:
    plugin = SignIn(ended=10**6)
    token.share(plugin)
    with pytest.raises(ksa.AuthorizationFailure, match="Each token ends before it can be used"):
        Session(plugin).get_token()


def test_what_has_no_tokens_stays_as_it_is() -> None:
    token.share(None)
