"""The server's settings: `server.toml`, read strictly.

    [server]
    organisation = "深圳市算力服务中心"     # who runs this server; stands in certificates
    addresses = ["kashi.example.cn"]      # names and IP addresses agents and browsers use
    demo = false                          # true only from `init --demo`
    fonts = "/usr/share/fonts/…"          # optional: folder with Noto Sans CJK SC, for documents

    [database]
    url = "sqlite:///kashi.sqlite"        # a relative file stands in the server's directory
    ingest_url = "postgresql+psycopg://…" # optional: the role that may insert facts
    portal_url = "postgresql+psycopg://…" # optional: the role that reads under row-level security

    [metering]
    listen = "0.0.0.0:7443"
    [enrolment]
    listen = "0.0.0.0:7444"
    [portal]
    listen = "0.0.0.0:7445"
    tls = true                            # false only on loopback, behind a proxy
    [metrics]
    listen = "127.0.0.1:7446"

    [documents]                           # optional: what signs and stamps certificates
    timestamp_url = "http://tsa.example/" # RFC 3161; without it documents carry no time-stamp
    timestamp_required = true             # false: issue without the stamp, and say so
    token_module = "/usr/lib/…/p11.so"    # PKCS#11; without it the key in keys/documents.pem signs
    token_label = "kashi"
    key_label = "documents"
    pin_file = "token.pin"                # a relative file stands in the server's directory
    certificates = "token.pem"            # the key's certificate first, its root last

What is unknown, missing or impossible is refused, each with file, line and field.
"""

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kashi_server.errors import ConfigurationError, InvalidValue

FILE: Final = "server.toml"

_SQLITE_FILE: Final = "sqlite:///"
_BACKENDS: Final = (_SQLITE_FILE, "postgresql+psycopg://")
_TOKEN: Final = ("token_module", "token_label", "key_label", "pin_file", "certificates")
_FIELDS: Final[Mapping[str, Mapping[str, type]]] = {
    "server": {"organisation": str, "addresses": list, "demo": bool, "fonts": str},
    "database": {"url": str, "ingest_url": str, "portal_url": str},
    "metering": {"listen": str},
    "enrolment": {"listen": str},
    "portal": {"listen": str, "tls": bool},
    "metrics": {"listen": str},
    "documents": {
        "timestamp_url": str,
        "timestamp_required": bool,
        **dict.fromkeys(_TOKEN, str),
    },
}
_OPTIONAL: Final = {
    ("server", "demo"),
    ("server", "fonts"),
    ("database", "ingest_url"),
    ("database", "portal_url"),
    *(("documents", field) for field in ("timestamp_url", "timestamp_required", *_TOKEN)),
}
_OPTIONAL_SECTIONS: Final = ("documents",)
_DNS_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,62})(\.[a-z0-9]([a-z0-9-]{0,62}))*")
_TYPE_WORDS_ZH: Final = {str: "文本", bool: " true 或 false", list: "文本列表"}
_TYPE_WORDS: Final = {str: "a text", bool: "true or false", list: "a list of texts"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a port listens. Port 0 lets the system choose."""

    host: str
    port: int

    def __post_init__(self) -> None:
        """Refuse what is no IP address and port."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError as error:
            raise InvalidValue(
                f"“{self.host}”不是可监听的 IP 地址。"
                f"'{self.host}' is not an IP address to listen on"
            ) from error
        if not 0 <= self.port <= 65_535:
            raise InvalidValue(f"{self.port} 不是端口。{self.port} is not a port")

    @classmethod
    def parse(cls, text: str) -> "Endpoint":
        """Read `127.0.0.1:7443` or `[::1]:7443`.

        Raises:
            InvalidValue: it is something else.
        """
        host, separator, port = text.rpartition(":")
        if not separator or not port.isascii() or not port.isdigit():
            raise InvalidValue(
                f"“{text}”不是 地址:端口，写法如 127.0.0.1:7443。"
                f"'{text}' is not address:port, such as 127.0.0.1:7443"
            )
        return cls(host=host.removeprefix("[").removesuffix("]"), port=int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.host).is_loopback

    def with_host(self, host: str) -> str:
        """`host:port` under another name."""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def __str__(self) -> str:
        return self.with_host(self.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """The document key on a PKCS#11 token: where it is, which key, and its certificates."""

    module: Path
    token_label: str
    key_label: str
    pin_file: Path
    certificates: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSettings:
    """What signs and stamps certificates.

    Attributes:
        timestamp_url: the time-stamping authority; None: documents carry no stamp.
        timestamp_required: without its stamp no certificate is issued.
        token: None: the key in the server's directory signs.
    """

    timestamp_url: str | None = None
    timestamp_required: bool = True
    token: TokenSettings | None = None

    def __post_init__(self) -> None:
        """Refuse an address that is none."""
        if self.timestamp_url is not None:
            parts = urlsplit(self.timestamp_url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise InvalidValue(
                    "documents.timestamp_url 不是 http 或 https 地址。"
                    "documents.timestamp_url is not an http or https address"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of a server.

    Attributes:
        addresses: DNS names and IP addresses under which it is reached, the public one first.
        fonts: folder of the documents' font; None: the one installed with the server.
        database_url: the owner's; `ingest_url` and `portal_url` are the same where no other is set.
    """

    organisation: str
    addresses: tuple[str, ...]
    demo: bool
    database_url: str
    ingest_url: str
    portal_url: str
    metering: Endpoint
    enrolment: Endpoint
    portal: Endpoint
    portal_tls: bool
    metrics: Endpoint
    fonts: Path | None = None
    documents: DocumentSettings = DocumentSettings()

    def __post_init__(self) -> None:
        """Refuse settings that cannot be served."""
        if not self.organisation.strip() or len(self.organisation) > 64:
            raise InvalidValue(
                "server.organisation 须为 1 至 64 个字符。"
                "server.organisation must have 1 to 64 characters"
            )
        if not self.addresses:
            raise InvalidValue(
                "server.addresses 须至少写明一个地址。"
                "server.addresses must name at least one address"
            )
        for address in self.addresses:
            _check_address(address)
        for url in (self.database_url, self.ingest_url, self.portal_url):
            if not url.startswith(_BACKENDS):
                # The address may hold a password: it is not repeated.
                raise InvalidValue(
                    f"database.url 须以 {' 或 '.join(_BACKENDS)} 开头。"
                    f"database.url must begin with {' or '.join(_BACKENDS)}"
                )
        if not self.portal_tls and not self.portal.is_loopback:
            raise InvalidValue(
                f"portal.tls 须为 true：其他机器可以访问 {self.portal}。"
                f"portal.tls must be true: {self.portal} can be reached from other machines"
            )

    @property
    def public_address(self) -> str:
        """The name by which agents and browsers reach the server."""
        return self.addresses[0]

    @property
    def has_roles(self) -> bool:
        """Whether ingestion and portal have database roles of their own."""
        return self.database_url not in (self.ingest_url, self.portal_url)

    @property
    def sqlite_path(self) -> Path | None:
        """The database file; None on PostgreSQL."""
        if not self.database_url.startswith(_SQLITE_FILE):
            return None
        return Path(self.database_url.removeprefix(_SQLITE_FILE))


def read_config(directory: Path) -> Config:
    """Read `server.toml` of a server's directory.

    Raises:
        ConfigurationError: the file is missing or has mistakes; each with file, line and field.
    """
    path = directory / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"没有 {path}，请在此建立服务器：kashi-server init --directory "
            f"{directory}。"
            f"{path} is missing; make a server here with: kashi-server init --directory {directory}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"无法读取 {path}。{path} cannot be read: {error}") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} 不是有效的 TOML。{path}: not TOML: {error}") from error
    mistakes = [f"{path}:{line_of(text, *where)}: {what}" for where, what in _mistakes(document)]
    if mistakes:
        raise ConfigurationError("\n".join(mistakes))
    try:
        return _config(document, directory)
    except InvalidValue as error:
        section, _, field = str(error).partition(" ")[0].partition(".")
        line = line_of(text, section, field)
        raise ConfigurationError(f"{path}:{line}: {error}") from error


def line_of(text: str, section: str, field: str = "") -> int:
    """The line on which a field of a section stands; that of the section, or 1, where it is not."""
    found, inside = 1, False
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped.split("#")[0].strip() == f"[{section}]"
            found = number if inside else found
        elif inside and field and re.match(rf"{re.escape(field)}\s*=", stripped):
            return number
    return found


def _mistakes(document: Mapping[str, object]) -> list[tuple[tuple[str, str], str]]:
    found = [
        ((section, ""), (f"没有 [{section}] 这一节。there is no section [{section}]"))
        for section in sorted(document.keys() - _FIELDS.keys())
    ]
    for section, fields in _FIELDS.items():
        content = document.get(section)
        if content is None and section in _OPTIONAL_SECTIONS:
            continue
        if not isinstance(content, dict):
            found.append(
                ((section, ""), (f"缺少 [{section}] 一节。section [{section}] is missing"))
            )
            continue
        found.extend(
            (
                (section, field),
                (f"{section}.{field}：没有此字段。{section}.{field}: there is no such field"),
            )
            for field in sorted(content.keys() - fields.keys())
        )
        for field, expected in fields.items():
            if field not in content:
                if (section, field) not in _OPTIONAL:
                    found.append(
                        (
                            (section, field),
                            (f"{section}.{field} 缺失。{section}.{field} is missing"),
                        )
                    )
            elif not _is_of(content[field], expected):
                found.append(
                    (
                        (section, field),
                        (
                            f"{section}.{field} 须为{_TYPE_WORDS_ZH[expected]}。"
                            f"{section}.{field} must be {_TYPE_WORDS[expected]}"
                        ),
                    )
                )
    return found


def _is_of(value: object, expected: type) -> bool:
    if expected is list:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, expected)


def _config(document: Mapping[str, Mapping[str, object]], directory: Path) -> Config:
    server, database, portal = document["server"], document["database"], document["portal"]
    addresses = server["addresses"]
    assert isinstance(addresses, list)
    url = _absolute(str(database["url"]), directory)
    return Config(
        organisation=str(server["organisation"]),
        addresses=tuple(addresses),
        demo=bool(server.get("demo", False)),
        database_url=url,
        ingest_url=str(database.get("ingest_url", url)),
        portal_url=str(database.get("portal_url", url)),
        metering=_endpoint("metering", document),
        enrolment=_endpoint("enrolment", document),
        portal=_endpoint("portal", document),
        portal_tls=bool(portal["tls"]),
        metrics=_endpoint("metrics", document),
        fonts=directory / str(server["fonts"]) if "fonts" in server else None,
        documents=_documents(document.get("documents", {}), directory),
    )


def _documents(section: Mapping[str, object], directory: Path) -> DocumentSettings:
    named = [field for field in _TOKEN if field in section]
    if named and len(named) != len(_TOKEN):
        missing = ", ".join(field for field in _TOKEN if field not in section)
        raise InvalidValue(
            f"documents.{named[0]} 已设置，签章令牌还需要：{missing}。"
            f"documents.{named[0]} is set; a token also needs: {missing}"
        )
    url = section.get("timestamp_url")
    return DocumentSettings(
        timestamp_url=None if url is None else str(url),
        timestamp_required=bool(section.get("timestamp_required", True)),
        token=TokenSettings(
            module=directory / str(section["token_module"]),
            token_label=str(section["token_label"]),
            key_label=str(section["key_label"]),
            pin_file=directory / str(section["pin_file"]),
            certificates=directory / str(section["certificates"]),
        )
        if named
        else None,
    )


def _endpoint(section: str, document: Mapping[str, Mapping[str, object]]) -> Endpoint:
    try:
        return Endpoint.parse(str(document[section]["listen"]))
    except InvalidValue as error:
        raise InvalidValue(f"{section}.listen {error}") from error


def _absolute(url: str, directory: Path) -> str:
    if not url.startswith(_SQLITE_FILE):
        return url
    return _SQLITE_FILE + str((directory / url.removeprefix(_SQLITE_FILE)).resolve())


def _check_address(address: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError as error:
        if _DNS_NAME.fullmatch(address) is None:
            raise InvalidValue(
                f"server.addresses 中的“{address}”既不是小写域名，也不是 IP 地址。"
                f"server.addresses '{address}' is neither a DNS name in lower case nor an"
                " IP address"
            ) from error
