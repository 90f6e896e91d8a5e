"""Domains, projects, users, roles, assignments and tokens."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kb_tests.localcloud.settings import CLOUD_ADMIN, Policies, Settings
from kb_tests.localcloud.times import now

DEFAULT_DOMAIN = "default"
SYSTEM = "system"
"""The target of assignments and tokens that are of the system scope."""

IMPLIED = {
    "admin": ("manager", "member", "reader"),
    "manager": ("member", "reader"),
    "member": ("reader",),
    CLOUD_ADMIN: ("admin", "manager", "member", "reader"),
}
"""Roles that a role brings with it, as Keystone bootstraps them."""


@dataclass
class Domain:
    """A name space of projects and users."""

    id: str
    name: str
    description: str = ""
    enabled: bool = True


@dataclass
class Project:
    """A tenant."""

    id: str
    name: str
    domain_id: str
    description: str = ""
    enabled: bool = True
    parent_id: str = DEFAULT_DOMAIN
    tags: list[str] = field(default_factory=list)
    options: dict[str, object] = field(default_factory=dict)


@dataclass
class User:
    """An account; the password is kept as a keyed hash only."""

    id: str
    name: str
    domain_id: str
    password: bytes | None
    description: str = ""
    email: str | None = None
    enabled: bool = True
    default_project_id: str | None = None
    options: dict[str, object] = field(default_factory=dict)


@dataclass
class Group:
    """Users that get roles together."""

    id: str
    name: str
    domain_id: str
    description: str = ""
    members: set[str] = field(default_factory=set)


@dataclass
class Role:
    """A name that policies ask for."""

    id: str
    name: str
    description: str = ""
    domain_id: str | None = None
    options: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AppCredential:
    """A secret by which programs sign in as a user, to one project and with some roles only. With an
    unrestricted one they may make others.
    """

    id: str
    name: str
    description: str
    user_id: str
    project_id: str
    secret: bytes
    roles: frozenset[str]
    unrestricted: bool
    expires: datetime | None


@dataclass(frozen=True)
class Credential:
    """Something that another proof of a user's identity needs; `kind` tells which."""

    id: str
    kind: str
    blob: str
    user_id: str
    project_id: str | None


@dataclass
class RegisteredLimit:
    """How much of a service's resource a project may have that has no limit of its own; -1 is any."""

    id: str
    service_id: str
    region_id: str | None
    resource_name: str
    default_limit: int
    description: str = ""


@dataclass
class Limit:
    """How much a project may have of what a registered limit is of."""

    id: str
    registered_id: str
    project_id: str
    resource_limit: int
    description: str = ""


@dataclass(frozen=True)
class Token:
    """A session. `project_id` is empty when it has no project; `target` is what its roles are on: a
    project's id, a domain's, `system`, or nothing; `credential` is the application credential behind it.
    """

    id: str
    user_id: str
    project_id: str
    target: str
    methods: tuple[str, ...]
    issued: datetime
    expires: datetime
    audit_id: str
    credential: str | None = None


@dataclass
class Identity:
    """All of Keystone's state. Assignments are (target, user or group, role)."""

    token_lifetime: timedelta = timedelta(hours=1)
    domains: dict[str, Domain] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    assignments: set[tuple[str, str, str]] = field(default_factory=set)
    tokens: dict[str, Token] = field(default_factory=dict)
    app_credentials: dict[str, AppCredential] = field(default_factory=dict)
    credentials: dict[str, Credential] = field(default_factory=dict)
    registered_limits: dict[str, RegisteredLimit] = field(default_factory=dict)
    limits: dict[str, Limit] = field(default_factory=dict)
    _pepper: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def bootstrap(self, admin_password: str) -> None:
        """The default domain, roles, and user and project `admin`; a project `service` as everywhere."""
        self.domains[DEFAULT_DOMAIN] = Domain(DEFAULT_DOMAIN, "Default", "The default domain")
        for name in ("admin", "member", "reader"):
            role = Role(new_id(), name)
            self.roles[role.id] = role
        project = self.add_project("admin", "Bootstrap project for initializing the cloud.")
        self.add_project("service", "")
        user = self.add_user("admin", admin_password)
        admin = self.role_named("admin")
        self.assignments |= {(target, user.id, admin) for target in (project.id, DEFAULT_DOMAIN, SYSTEM)}

    def follow(self, settings: Settings) -> None:
        """Have the roles that the policies ask for; the user `admin` is an administrator to all services."""
        names = {role.name for role in self.roles.values()}
        for name, needed in (
            ("manager", settings.policies is Policies.SECURE),
            (CLOUD_ADMIN, settings.admins != Settings().admins),
        ):
            if needed and name not in names:
                role = Role(new_id(), name)
                self.roles[role.id] = role
        if settings.admins != Settings().admins:
            admin = next(user for user in self.users.values() if user.name == "admin")
            held = {target for target, holder, _ in self.assignments if holder == admin.id}
            self.assignments |= {(target, admin.id, self.role_named(CLOUD_ADMIN)) for target in held}

    def add_project(self, name: str, description: str, domain_id: str = DEFAULT_DOMAIN) -> Project:
        """A new project."""
        project = Project(new_id(), name, domain_id, description, parent_id=domain_id)
        self.projects[project.id] = project
        return project

    def add_user(self, name: str, password: str | None, domain_id: str = DEFAULT_DOMAIN) -> User:
        """A new user."""
        user = User(new_id(), name, domain_id, None if password is None else self.hashed(password))
        self.users[user.id] = user
        return user

    def hashed(self, password: str) -> bytes:
        """A hash under a key that lives as long as this process: it never leaves its memory."""
        return hmac.new(self._pepper, password.encode(), hashlib.sha256).digest()

    def role_named(self, name: str) -> str:
        """The id of a role that is there."""
        return next(role.id for role in self.roles.values() if role.name == name)

    def role_ids(self, user_id: str, target: str) -> set[str]:
        """The roles that a user has on a target, implied ones and those of groups included."""
        holders = {user_id} | {group.id for group in self.groups.values() if user_id in group.members}
        held = {role for place, holder, role in self.assignments if place == target and holder in holders}
        return self.with_implied(held)

    def with_implied(self, held: set[str]) -> set[str]:
        """Roles, with those that they bring with them."""
        names = {self.roles[role].name for role in held if role in self.roles}
        implied = {name for held_name in names for name in IMPLIED.get(held_name, ())}
        return held | {role.id for role in self.roles.values() if role.name in implied}

    def held(self, token: Token) -> set[str]:
        """The roles that a token carries now, by id: of an application credential's only those it has."""
        held = self.role_ids(token.user_id, token.target)
        if token.credential is None:
            return held
        credential = self.app_credentials.get(token.credential)
        return held & credential.roles if credential else set()

    def role_names(self, token: Token) -> frozenset[str]:
        """The roles that a token carries now."""
        return frozenset(self.roles[role].name for role in self.held(token) if role in self.roles)

    def issue(
        self,
        user: User,
        project_id: str,
        target: str,
        methods: tuple[str, ...],
        until: datetime | None = None,
        credential: str | None = None,
    ) -> Token:
        """A new token, valid until `until` or for the token lifetime."""
        issued = now()
        token = Token(
            secrets.token_urlsafe(64),
            user.id,
            project_id,
            target,
            methods,
            issued,
            until or issued + self.token_lifetime,
            secrets.token_urlsafe(16),
            credential,
        )
        self.tokens[token.id] = token
        if len(self.tokens) % 1000 == 0:
            self.tokens = {key: kept for key, kept in self.tokens.items() if kept.expires > issued}
        return token

    def token(self, identifier: str) -> Token | None:
        """The valid token of this id: not expired, its user and project still there and enabled, with a
        role left if it is scoped.
        """
        token = self.tokens.get(identifier)
        if token is None or token.expires <= now():
            return None
        user = self.users.get(token.user_id)
        if user is None or not user.enabled:
            return None
        if token.project_id:
            project = self.projects.get(token.project_id)
            if project is None or not project.enabled:
                return None
        if token.target and not self.held(token):
            return None
        return token


def new_id() -> str:
    """32 hexadecimal digits, as Keystone's ids."""
    return uuid.uuid4().hex
