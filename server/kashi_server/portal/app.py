"""The portal: pages and the JSON interface, put together from parts that are handed in."""

from fastapi import FastAPI
from starlette.responses import PlainTextResponse

from kashi_server.portal import assets, problems
from kashi_server.portal.parts import PortalParts
from kashi_server.portal.routes import (
    api,
    assignments,
    certificates,
    claims,
    contracts,
    hosts,
    overview,
    papers,
    signing,
    stated,
    statements,
    trails,
    usage,
    verify,
)
from kashi_server.portal.shield import Shield


def create_app(parts: PortalParts) -> FastAPI:
    """The application that a server mounts on its portal port."""
    app = FastAPI(
        title="Kashi 卡时",
        version=parts.version,
        # The framework's own pages load scripts from elsewhere; ours is /api.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.parts = parts
    app.add_middleware(Shield)
    problems.install(app)
    app.add_api_route("/healthz", _alive, include_in_schema=False)
    for router in (
        assets.router,
        signing.router,
        overview.router,
        usage.router,
        assignments.router,
        stated.router,
        statements.router,
        certificates.router,
        trails.router,
        papers.router,
        contracts.router,
        claims.router,
        hosts.router,
        verify.router,
        api.pages,
        api.router,
    ):
        app.include_router(router)
    return app


def _alive() -> PlainTextResponse:
    """Whether the process answers; it tells nothing else."""
    return PlainTextResponse("ok\n")
