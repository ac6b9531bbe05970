"""`document-certificate`: the certificate of a document key that a token keeps."""

from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_der_public_key,
    load_pem_public_key,
)

from kashi_server.bootstrap import opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory
from kashi_server.errors import ConfigurationError, Refused
from kashi_server.keystore import ROOTS, read_document_root
from kashi_server.services.authority import issue_document_chain


def document_certificate(
    public_key: Annotated[
        Path,
        typer.Argument(
            help="令牌公钥，P-256，DER 或 PEM。The token's public key, P-256, in DER or PEM."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="证书写到何处，PEM。Where the certificates go, in PEM.")
    ],
    root: Annotated[
        Path | None,
        typer.Option(
            "--root",
            help="文件根证书及其密钥；不给即 roots/documents.pem。"
            "The documents root with its key; else roots/documents.pem.",
        ),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """以文件根证书为令牌中的签章密钥签发证书。Certify a key on a token under the documents root."""
    if out.exists():
        raise Refused(f"{out} 已存在，请换一个文件名。{out} is there already; name another file")
    key = _read(public_key)
    with opened(directory) as server:
        signer = read_document_root(root or directory / ROOTS / "documents.pem")
        chain = issue_document_chain(
            signer, key, server.config.organisation, server.clock(), demo=server.config.demo
        )
    out.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in chain))
    subject = chain[0].subject.rfc4514_string()
    print(
        f"已写出 {out}（{subject}），请填入 documents.certificates。"
        f"{out}: {subject}; name it as documents.certificates."
    )


def _read(path: Path) -> ec.EllipticCurvePublicKey:
    try:
        content = path.read_bytes()
        load = load_pem_public_key if content.startswith(b"-----") else load_der_public_key
        key = load(content)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{path} 中没有 DER 或 PEM 格式的公钥。"
            f"{path} holds no public key in DER or PEM: {error}"
        ) from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ConfigurationError(
            f"{path} 中的密钥不是 P-256。{path}: the key is of another kind than P-256"
        )
    return key
