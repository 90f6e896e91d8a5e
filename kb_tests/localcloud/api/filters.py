"""Query filters over lists of views, the way Neutron, Cinder and Keystone compare."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import QueryParams

from kb_tests.localcloud.api.call import Json, truth

NOT_FILTERS = frozenset(
    {"limit", "marker", "page_reverse", "sort_key", "sort_dir", "sort", "fields", "all_tenants",
     "all_projects", "with_count", "offset"}
)  # fmt: skip


def keep(views: Iterable[Json], query: QueryParams, ignore: frozenset[str] = frozenset()) -> list[Json]:
    """The views that match every filter of the query. A name that no view has matches nothing but is no
    error; a repeated filter matches any of its values.
    """
    wanted: dict[str, list[str]] = {}
    for name, value in query.multi_items():
        if name not in NOT_FILTERS and name not in ignore:
            wanted.setdefault(name, []).append(value)
    if not wanted:
        return list(views)
    return [view for view in views if all(_matches(view, name, values) for name, values in wanted.items())]


def _matches(view: Json, name: str, values: list[str]) -> bool:
    match name:
        case "tags" | "tags-any" | "not-tags" | "not-tags-any":
            return _tags(set(view.get("tags", ())), name, values)
        case "fixed_ips":
            return all(_fixed_ip(view, value) for value in values)
        case "tenant_id":
            return view.get("project_id", view.get("tenant_id")) in values
        case _:
            return any(_equal(view.get(name), value) for value in values)


def _tags(have: set[str], name: str, values: list[str]) -> bool:
    asked = {tag for value in values for tag in value.split(",")}
    found = bool(have & asked) if name.endswith("any") else asked <= have
    return found != name.startswith("not")


def _fixed_ip(view: Json, value: str) -> bool:
    key, _, wanted = value.partition("=")
    return any(
        fixed.get(key, "").startswith(wanted) if key == "ip_address_substr" else fixed.get(key) == wanted
        for fixed in view.get("fixed_ips", ())
    )


def _equal(have: object, value: str) -> bool:
    if isinstance(have, bool):
        return have == truth(value)
    if isinstance(have, list):
        return value in have
    if have is None:
        return value in {"", "None", "null"}
    return str(have) == value


def pick(view: Json, query: QueryParams) -> Json:
    """Only the `fields` asked for; all of them when none is."""
    fields = query.getlist("fields")
    return {name: view[name] for name in fields if name in view} if fields else view
