"""`/docs`: a page for people, which draws both documents in the browser and loads nothing from elsewhere."""

import base64
import hashlib
import re
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from tradewatch.server.rest.documented import KEYLESS

_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def docs_page_routes() -> APIRouter:
    """`GET /docs`."""
    routes = APIRouter(tags=["documents"])
    page = files(__package__).joinpath("docs_page.html").read_bytes()
    headers = {"Content-Security-Policy": _policy(page.decode()), "Referrer-Policy": "no-referrer"}

    @routes.get(
        "/docs",
        summary="This API as a page to read and to try",
        response_class=Response,
        responses={
            200: {"description": "The page.", "content": {"text/html": {"schema": {"type": "string"}}}}
        },
        openapi_extra=KEYLESS,
    )
    async def docs(request: Request) -> Response:
        """What `/openapi.json` and `/asyncapi.json` say, drawn by the browser."""
        return Response(page, media_type="text/html", headers=headers)

    return routes


def _policy(page: str) -> str:
    """A page runs its own script and no other, shows its key to this server and to no other."""
    allowed = {
        f"{kind}-src": base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for kind, text in _INLINE.findall(page)
    }
    own = "; ".join(f"{kind} 'sha256-{digest}'" for kind, digest in allowed.items())
    return (
        f"default-src 'none'; {own}; connect-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
