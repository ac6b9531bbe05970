"""An officer at the portal of a serving process, over HTTP."""

import json
import re
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any

from fixtures_server import OFFICER, PASSWORD, KashiServer

SECONDS_MAX = 30
_FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Office:
    """A signed-in officer."""

    origin: str
    opener: urllib.request.OpenerDirector

    def page(self, path: str) -> str:
        """A page's text."""
        with self.opener.open(f"{self.origin}{path}", timeout=SECONDS_MAX) as answer:
            return str(answer.read().decode())

    def holds(self) -> list[dict[str, Any]]:
        """What the office is shown as held or to be looked at."""
        rows: list[dict[str, Any]] = json.loads(self.page("/api/v1/holds"))
        return rows


def office_of(server: KashiServer) -> Office:
    """Sign in at a server that serves."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    office = Office(f"http://127.0.0.1:{server.ports['portal']}", opener)
    found = _FORM_TOKEN.search(office.page("/sign-in"))
    assert found is not None
    fields = {"form_token": found[1], "login": OFFICER, "password": PASSWORD, "next": "/"}
    request = urllib.request.Request(
        f"{office.origin}/sign-in",
        data=urllib.parse.urlencode(fields).encode(),
        headers={"Origin": office.origin},
    )
    with opener.open(request, timeout=SECONDS_MAX) as answer:
        assert "/sign-in" not in answer.url, "the officer was not let in"
    return office
