"""The claim pack: for whom it is, and where its files may lie."""

import csv
import io
import zipfile
from dataclasses import replace
from hashlib import sha256

import pytest
from claim_cases import Filed, add_project, filed, rules
from fixtures_certificates import COMPANY_A, PROVIDER
from kashi_server.errors import NotFound
from kashi_server.services.accounts import Role
from kashi_server.services.claim_pack import ClaimPacking
from kashi_server.services.claim_reading import ShownClaim
from kashi_server.services.claims_port import EvidencePaper
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
COMPANY = Reader(account_id=1, role=Role.COMPANY, party_id=COMPANY_A)
PAYEE = Reader(account_id=3, role=Role.PROVIDER, party_id=PROVIDER)
PRIVATE = b"%PDF-1.4 private"


class _Store:
    """One file."""

    def put(self, content: bytes) -> str:
        """Its hash."""
        return sha256(content).hexdigest()

    def get(self, sha256: str) -> bytes:
        """Its bytes, whatever is asked for."""
        del sha256
        return PRIVATE


class _Press:
    """A form of nothing."""

    def form(self, said: dict[str, object], utc_ms: int) -> bytes:
        """The same bytes always."""
        del said, utc_ms
        return b"%PDF"


def shown(ready: Filed, reader: Reader, subject: str = "contract:HT-A") -> ShownClaim:
    """A claim that its supplier redeems, with a private file, as a reader sees it."""
    claim_id = ready.issued(200_00)
    paper = EvidencePaper(
        sha256=sha256(PRIVATE).hexdigest(), name="bank.pdf", subject=subject, size_bytes=16
    )
    return replace(ready.claims.show(reader, claim_id), evidence=(paper,))


def test_a_pack_tells_the_contract_and_the_papers_on_it(claims_work: Work) -> None:
    """Its dates, sides and parts, and what was declared and described of it: those of the claim's
    own contract, and of no other."""
    ready = filed(claims_work)
    add_project(claims_work)
    packing = ClaimPacking(claims_work, _Store(), _Press())

    with zipfile.ZipFile(io.BytesIO(packing.pack(shown(ready, OFFICE), COMPANY))) as packed:
        contracts, papers = (
            list(csv.DictReader(io.StringIO(packed.read(f"tables/{name}.csv").decode("utf-8-sig"))))
            for name in ("contracts", "papers")
        )

    assert [(one["contract_id"], one["item"], one["incl_yuan"]) for one in contracts] == [
        ("HT-A", "accelerator", "900.00"),
        ("HT-A", "storage", "100.00"),
    ]
    assert {one["signed_on"] for one in contracts} == {"2026-06-01"}
    told = {one["kind"]: one for one in papers}
    assert {one["contract_id"] for one in papers} == {"HT-A"}
    assert told["project"]["name"] == "工业质检大模型"
    assert "深圳龙岗数据中心" in told["project"]["says"]


def test_a_payee_gets_no_pack(claims_work: Work) -> None:
    """The provider that redeems the voucher sees the claim, not the company's files and codes."""
    ready = filed(claims_work, rules(redemption_mode='"supplier_redeems"'))
    seen = shown(ready, PAYEE)
    packing = ClaimPacking(claims_work, _Store(), _Press())

    with pytest.raises(NotFound, match="for the company that claims and for the office"):
        packing.pack(seen, PAYEE)
    for reader in (COMPANY, OFFICE):
        names = zipfile.ZipFile(io.BytesIO(packing.pack(seen, reader))).namelist()
        assert any(one.startswith("certificates/") for one in names)


def test_no_file_of_a_pack_lies_outside_of_it(sqlite_claims_work: Work) -> None:
    """A payment's reference is the bank's word: slashes and dots in it lead nowhere."""
    ready = filed(sqlite_claims_work)
    seen = shown(ready, COMPANY, f"payment:{COMPANY_A}/../../../etc/x\\y")
    packed = ClaimPacking(sqlite_claims_work, _Store(), _Press()).pack(seen, COMPANY)
    names = [
        one for one in zipfile.ZipFile(io.BytesIO(packed)).namelist() if one.startswith("evidence/")
    ]

    assert len(names) == 1
    assert names[0].startswith(f"evidence/payment/{COMPANY_A}/__/__/__/etc/x_y/")
