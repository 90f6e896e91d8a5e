"""POST /servers/{id}/action, and the history of actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.errors import (
    ApiError,
    bad_request,
    conflict,
    forbidden,
    not_found,
    not_implemented,
)
from kb_tests.localcloud.driver import DriverError
from kb_tests.localcloud.nova import lifecycle
from kb_tests.localcloud.nova.common import get_server, must_be, must_be_unlocked, routes
from kb_tests.localcloud.nova.servers import begin_delete
from kb_tests.localcloud.nova.state import Action, Server
from kb_tests.localcloud.times import micros

_Handler = Callable[[Call, Server], Awaitable[Response]]

_UNSUPPORTED = frozenset(
    {
        "pause", "unpause", "suspend", "resume", "rescue", "unrescue", "shelve", "shelveOffload", "unshelve",
        "resize", "confirmResize", "revertResize", "rebuild", "createImage", "createBackup", "migrate",
        "os-migrateLive", "evacuate", "changePassword", "os-getVNCConsole", "os-getSPICEConsole",
        "os-getSerialConsole", "trigger_crash_dump", "restore", "addFixedIp", "removeFixedIp",
        "addFloatingIp", "removeFloatingIp", "injectNetworkInfo", "resetNetwork",
    }
)  # fmt: skip
"""Nova's, but not possible with processes instead of machines."""


@routes.add("POST", "/v2.1/servers/{id}/action")
async def act(call: Call) -> Response:
    """The one action that the body names."""
    if len(call.body) != 1:
        raise bad_request("Malformed request body")
    name = next(iter(call.body))
    if name not in _UNSUPPORTED and name not in _ACTIONS:
        raise bad_request(f"There is no such action: {name}")
    server = get_server(call)
    if name in _UNSUPPORTED:
        raise not_implemented(f"The local cloud cannot do '{name}': its servers are processes, not machines.")
    return await _ACTIONS[name](call, server)


def _note(call: Call, server: Server, name: str) -> None:
    request_id = call.request.scope.get("request_id", "")
    server.actions.append(
        Action(
            name=name, request_id=request_id, user_id=call.caller.user_id, project_id=call.caller.project_id
        )
    )


async def _stop(call: Call, server: Server) -> Response:
    must_be_unlocked(call, server)
    must_be(server, "stop", "active", "error")
    _note(call, server, "stop")
    server.task_state = "powering-off"
    call.cloud.spawn(lifecycle.stop(call.cloud, server))
    return reply(status=202)


async def _start(call: Call, server: Server) -> Response:
    must_be_unlocked(call, server)
    must_be(server, "start", "stopped")
    _note(call, server, "start")
    server.task_state = "powering-on"
    call.cloud.spawn(lifecycle.start(call.cloud, server))
    return reply(status=202)


async def _reboot(call: Call, server: Server) -> Response:
    kind = str(call.object("reboot").get("type", "")).upper()
    if kind not in ("SOFT", "HARD"):
        raise bad_request(f"Invalid input for field/attribute type. Value: {kind}.")
    must_be_unlocked(call, server)
    must_be(server, "reboot", "active", *(("stopped", "error") if kind == "HARD" else ()))
    _note(call, server, "reboot")
    server.task_state = "rebooting" if kind == "SOFT" else "rebooting_hard"
    call.cloud.spawn(lifecycle.start(call.cloud, server))
    return reply(status=202)


async def _console(call: Call, server: Server) -> Response:
    length = call.object("os-getConsoleOutput").get("length")
    if length is not None and not str(length).lstrip("-").isdigit():
        raise bad_request(f"Invalid input for field/attribute length. Value: {length}.")
    if not server.booted:
        raise conflict(f"Instance {server.id} is not ready")
    try:
        output = await call.cloud.driver.console(server.id)
    except DriverError as error:
        raise not_found(str(error)) from None
    if length is not None and int(length) >= 0:
        output = "\n".join(output.splitlines()[-int(length) :]) if int(length) else ""
    return reply({"output": output})


async def _force_delete(call: Call, server: Server) -> Response:
    begin_delete(call, server)
    return reply(status=202)


async def _reset_state(call: Call, server: Server) -> Response:
    if not call.caller.is_admin:
        raise forbidden("Policy doesn't allow os_compute_api:os-admin-actions:reset_state to be performed.")
    state = call.object("os-resetState").get("state")
    if state not in ("active", "error"):
        raise bad_request(f"Invalid input for field/attribute state. Value: {state}.")
    server.vm_state, server.task_state = str(state), None
    server.touch()
    return reply(status=202)


async def _lock(call: Call, server: Server) -> Response:
    options = call.body["lock"] if isinstance(call.body["lock"], dict) else {}
    server.locked = True
    server.locked_reason = options.get("locked_reason") if call.version >= (2, 73) else None
    return reply(status=202)


async def _unlock(call: Call, server: Server) -> Response:
    must_be_unlocked(call, server)
    server.locked, server.locked_reason = False, None
    return reply(status=202)


async def _add_group(call: Call, server: Server) -> Response:
    group = _group(call, str(call.object("addSecurityGroup").get("name", "")))
    for port in call.cloud.networking.device_ports(server.id):
        if group not in port.security_groups:
            call.cloud.networking.regroup(port, [*port.security_groups, group])
            call.cloud.dataplane.port_changed(port)
    return reply(status=202)


async def _remove_group(call: Call, server: Server) -> Response:
    group, found = _group(call, str(call.object("removeSecurityGroup").get("name", ""))), False
    for port in call.cloud.networking.device_ports(server.id):
        if group in port.security_groups:
            found = True
            call.cloud.networking.regroup(port, [each for each in port.security_groups if each != group])
            call.cloud.dataplane.port_changed(port)
            call.cloud.dataplane.members_changed(group)
    if not found:
        raise not_found(f"Security group {group} not associated with the instance {server.id}")
    return reply(status=202)


def _group(call: Call, name: str) -> str:
    for group in call.cloud.networking.groups.values():
        if name in (group.id, group.name) and group.project_id == call.caller.project_id:
            return group.id
    raise ApiError(404, f"Security group {name} not found for project {call.caller.project_id}.")


_ACTIONS: dict[str, _Handler] = {
    "os-stop": _stop,
    "os-start": _start,
    "reboot": _reboot,
    "os-getConsoleOutput": _console,
    "forceDelete": _force_delete,
    "os-resetState": _reset_state,
    "lock": _lock,
    "unlock": _unlock,
    "addSecurityGroup": _add_group,
    "removeSecurityGroup": _remove_group,
}


def _action_view(call: Call, server: Server, action: Action) -> Json:
    shown: Json = {
        "action": action.name,
        "instance_uuid": server.id,
        "message": action.message,
        "project_id": action.project_id,
        "request_id": action.request_id,
        "start_time": micros(action.started),
        "user_id": action.user_id,
    }
    if call.version >= (2, 58):
        shown["updated_at"] = micros(action.started)
    return shown


@routes.add("GET", "/v2.1/servers/{id}/os-instance-actions")
async def list_actions(call: Call) -> Response:
    """What was done to the server, newest first."""
    server = get_server(call)
    return reply({"instanceActions": [_action_view(call, server, each) for each in reversed(server.actions)]})


@routes.add("GET", "/v2.1/servers/{id}/os-instance-actions/{request_id}")
async def show_action(call: Call) -> Response:
    """One of them."""
    server = get_server(call)
    for action in server.actions:
        if action.request_id == call.params["request_id"]:
            return reply({"instanceAction": _action_view(call, server, action) | {"events": []}})
    raise not_found(f"Action for request_id {call.params['request_id']} on instance {server.id} not found")
