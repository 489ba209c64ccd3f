"""One document that any tool can read, whatever names the services chose and whichever of them are up."""

import asyncio
from typing import Any

from doorway import StartGateway, free_port, make_service, serving
from fastapi import FastAPI
from openapi_spec_validator import validate
from pydantic import BaseModel, create_model

from rfid3_gateway.app import create_app
from rfid3_gateway.openapi import EITHER_KEY, merge, operations
from rfid3_gateway.settings import GatewaySettings


def document(name: str, **fields: type) -> dict[str, Any]:
    """A service's document in which `Inner` has the given fields and `Outer` holds an Inner."""
    inner: type[BaseModel] = create_model("Inner", **{field: (kind, ...) for field, kind in fields.items()})  # type: ignore[call-overload]
    outer: type[BaseModel] = create_model("Outer", inner=(inner, ...))
    app = FastAPI(title=name, description=f"about {name}")

    @app.get(f"/api/{name}/thing", response_model=outer, operation_id="thing")
    def thing() -> None: ...

    @app.get("/metrics")
    def metrics() -> None: ...

    return app.openapi()


def own() -> dict[str, Any]:
    return create_app(GatewaySettings()).own.openapi()


def resolve(merged: dict[str, Any], path: str) -> dict[str, Any]:
    """The schema of Inner as the operation at `path` sees it, following references."""
    schemas = merged["components"]["schemas"]
    reply = merged["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    outer = schemas[reply["$ref"].rpartition("/")[2]]
    return schemas[outer["properties"]["inner"]["$ref"].rpartition("/")[2]]


class TestMerge:
    def test_is_a_valid_document(self) -> None:
        """The merged document satisfies the OpenAPI 3.1 specification, with every reference resolved."""
        services = {name: ((f"/api/{name}",), document(name, size=int)) for name in ("a", "b")}

        validate(merge(own(), services, []))

    def test_one_name_for_two_things_becomes_two_names(self) -> None:
        """Each operation keeps its own meaning of a clashing name, also where only a part of it differs."""
        services = {"a": (("/api/a",), document("a", size=int)), "b": (("/api/b",), document("b", colour=str))}

        merged = merge(own(), services, [])

        assert list(resolve(merged, "/api/a/thing")["properties"]) == ["size"]
        assert list(resolve(merged, "/api/b/thing")["properties"]) == ["colour"]
        assert {"Inner", "Outer", "b_Inner", "b_Outer"} <= set(merged["components"]["schemas"])
        validate(merged)

    def test_the_same_thing_twice_stays_one(self) -> None:
        """Equal components of two services are not doubled."""
        services = {name: ((f"/api/{name}",), document(name, size=int)) for name in ("a", "b")}

        schemas = merge(own(), services, [])["components"]["schemas"]

        assert "b_Inner" not in schemas

    def test_shows_only_what_can_be_reached(self) -> None:
        """A service's paths outside its prefixes are not part of the suite's API."""
        assert "/metrics" not in merge(own(), {"a": (("/api/a",), document("a", size=int))}, [])["paths"]

    def test_operation_ids_are_unique(self) -> None:
        """Client generators need one name per operation."""
        services = {name: ((f"/api/{name}",), document(name, size=int)) for name in ("a", "b", "c")}

        ids = [operation["operationId"] for _, _, operation in operations(merge(own(), services, []))]

        assert len(ids) == len(set(ids))

    def test_says_how_to_enter_and_what_may_go_wrong(self) -> None:
        """Both header forms of the key, and the gateway's own errors at every forwarded operation."""
        merged = merge(own(), {"a": (("/api/a",), document("a", size=int))}, [])

        schemes = merged["components"]["securitySchemes"].values()
        assert merged["security"] == EITHER_KEY
        assert {(scheme["type"], scheme.get("name", scheme.get("scheme"))) for scheme in schemes} == {
            ("apiKey", "X-API-Key"), ("http", "bearer")}  # fmt: skip
        assert {"401", "403", "413", "429", "503", "504"} <= set(merged["paths"]["/api/a/thing"]["get"]["responses"])


class TestServed:
    async def test_follows_services_as_they_come_and_go(self, start_gateway: StartGateway) -> None:
        """A missing service is listed, appears once it is up, and keeps its operations when it is gone again."""
        port = free_port()
        async with serving(make_service("pricing", "/api/predictive/pricing")) as other:
            door = await start_gateway({"demand": [f"http://127.0.0.1:{port}"], "pricing": [other]})

            async def until(wanted: bool, missing: list[str]) -> dict[str, Any]:
                for _ in range(200):
                    found = (await door.get("/openapi.json")).json()
                    if ("/api/predictive/demand/forecast" in found["paths"]) is wanted and found[
                        "x-missing-services"
                    ] == missing:
                        return found
                    await asyncio.sleep(0.02)
                raise AssertionError(found["x-missing-services"])

            before = await until(False, ["demand"])
            async with serving(make_service(), port=port):
                during = await until(True, [])
            after = await until(True, ["demand"])

        assert "/api/predictive/pricing/forecast" in before["paths"]
        assert during["paths"] == after["paths"]
        validate(during)
