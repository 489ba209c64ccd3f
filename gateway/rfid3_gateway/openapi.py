"""What can be asked of the whole suite? One OpenAPI document out of the services' own. Pure: documents in, document out.

Two services may use one component name for different things: the later one's is then renamed `<service>_<name>`, together
with whatever refers to it. Paths outside a service's prefixes (its health, its metrics) are left out.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Document = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
SECURITY_SCHEMES = {
    "ApiKeyHeader": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key made with `rfid3 keys create`.",
    },
    "BearerKey": {"type": "http", "scheme": "bearer", "description": "The same key as `Authorization: Bearer`."},
}
EITHER_KEY: list[dict[str, list[str]]] = [{"ApiKeyHeader": []}, {"BearerKey": []}]
ERROR_SCHEMA = "GatewayError"
GATEWAY_ERRORS = {
    "401": "UNAUTHORIZED: no key, or an unknown one",
    "403": "FORBIDDEN: the key lacks the scope",
    "404": "NOT_FOUND: what is named does not exist",
    "405": "INVALID_PARAMETERS: the method is not offered here",
    "408": "TIMEOUT: the request's body did not arrive in time",
    "413": "INVALID_PARAMETERS: the request's body is too large",
    "422": "INVALID_PARAMETERS: which parameter, and what it accepts",
    "429": "RATE_LIMIT_EXCEEDED: come back after Retry-After seconds",
    "500": "SYSTEM_ERROR: a fault of ours; the request id finds it in the logs",
    "502": "SYSTEM_ERROR: the service broke off its answer",
    "503": "SYSTEM_ERROR or MODEL_UNAVAILABLE: a part is out of reach; come back after Retry-After seconds",
    "504": "TIMEOUT: the service took longer than the deadline",
}
ERROR_ENVELOPE: Document = {
    "type": "object",
    "title": "Error",
    "required": ["success", "error", "timestamp", "request_id"],
    "properties": {
        "success": {"type": "boolean", "const": False},
        "error": {
            "type": "object",
            "required": ["code", "message", "details"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "details": {"type": "object"}},
        },
        "timestamp": {"type": "string", "format": "date-time"},
        "request_id": {"type": "string"},
    },
}


def merge(own: Document, services: Mapping[str, tuple[tuple[str, ...], Document]], missing: list[str]) -> Document:
    """One document: the gateway's own, then each service's (prefixes, document) in the order given.

    `missing` names services whose document was never seen; they are listed under x-missing-services.
    """
    merged: Document = {
        "openapi": own["openapi"],
        "info": own["info"],
        "paths": {path: _without_nothing(item) for path, item in own["paths"].items()},
        "components": {section: dict(parts) for section, parts in own.get("components", {}).items()},
        "security": EITHER_KEY,
        "tags": [],
        "x-missing-services": sorted(missing),
    }
    operation_ids = {operation.get("operationId") for _, _, operation in operations(merged)}
    for name, (prefixes, document) in services.items():
        document = _rename_clashes(name, document, merged["components"])
        for section, parts in document.get("components", {}).items():
            merged["components"].setdefault(section, {}).update(parts)
        offered = {path: item for path, item in document.get("paths", {}).items() if path.startswith(prefixes)}
        for _, _, operation in operations({"paths": offered}):
            _adapt(operation, name, operation_ids)
        merged["paths"].update(offered)
        merged["tags"].append({"name": name, "description": document.get("info", {}).get("description", "")})
    merged["components"]["securitySchemes"] = SECURITY_SCHEMES
    merged["components"].setdefault("schemas", {})[ERROR_SCHEMA] = ERROR_ENVELOPE
    return merged


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Every (path, method, operation) of a document."""
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _adapt(operation: Document, service: str, operation_ids: set[Any]) -> None:
    """Add what the gateway does to every call: keys, limits, deadlines and their errors; keep operation ids unique."""
    operation.pop("security", None)
    operation["tags"] = operation.get("tags") or [service]
    responses = operation.setdefault("responses", {})
    for status, description in GATEWAY_ERRORS.items():
        responses.setdefault(status, _error(description))
    if (wanted := operation.get("operationId")) in operation_ids:
        operation["operationId"] = f"{service}_{wanted}"
    operation_ids.add(operation.get("operationId"))


def _error(description: str) -> Document:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{ERROR_SCHEMA}"}}},
    }


def _rename_clashes(service: str, document: Document, taken: Mapping[str, Mapping[str, Any]]) -> Document:
    """A copy of the document in which no component name stands for something else than it does in `taken`."""
    components = document.get("components", {})
    present = {(section, name): part for section, parts in components.items() for name, part in parts.items()}
    present = {key: part for key, part in present.items() if key[0] != "securitySchemes"}
    clashing = {(section, name) for (section, name), part in present.items() if taken.get(section, {}).get(name, part) != part}
    while True:
        # equal text that refers to a renamed component no longer means the same
        shared = {key for key in present if key[1] in taken.get(key[0], {})} - clashing
        drawn_in = {key for key in shared if set(_references(present[key])) & clashing}
        if not drawn_in:
            break
        clashing |= drawn_in

    def renamed(section: str, name: str) -> str:
        return f"{service}_{name}" if (section, name) in clashing else name

    copy: Document = _rewrite(document, renamed)
    copy["components"] = {}
    for (section, name), part in present.items():
        copy["components"].setdefault(section, {})[renamed(section, name)] = _rewrite(part, renamed)
    return copy


def _split(reference: object) -> tuple[str, str] | None:
    """(section, name) of a reference to a component of the same document."""
    if not isinstance(reference, str) or not reference.startswith("#/components/"):
        return None
    section, _, name = reference.removeprefix("#/components/").partition("/")
    return section, name


def _references(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
    elif (found := _split(node)) is not None:
        yield found


def _rewrite(node: Any, renamed: Callable[[str, str], str]) -> Any:
    """A deep copy with every reference to a component put through `renamed`."""
    if isinstance(node, dict):
        return {key: _rewrite(value, renamed) for key, value in node.items()}
    if isinstance(node, list):
        return [_rewrite(value, renamed) for value in node]
    if (found := _split(node)) is not None:
        return f"#/components/{found[0]}/{renamed(*found)}"
    return node


def _without_nothing(item: Document) -> Document:
    return {method: dict(operation) if isinstance(operation, dict) else operation for method, operation in item.items()}
