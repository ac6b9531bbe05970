"""Mappings and files of stated usage, written briefly."""

from expense_cases import H100, PROVIDER, TENANT
from kashi_server.domain.attestation import Attestation, SourceKind, StatedRecord
from kashi_server.domain.device import Vendor
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.usage_source.files import read_source
from kashi_server.domain.usage_source.mapping import load_mapping
from kashi_server.domain.usage_source.reading import Reading

HEAD = f"""\
format = "kashi/v1/usage-mapping"
provider = "{PROVIDER}"
vendor = "nvidia"
utc_offset = "+08:00"
"""

BILL = f"""{HEAD}
kind = "bill"
site = "cloud-a"
start = "from"
end = "to"
contract = {{ value = "HT-1" }}
model = {{ value = "{H100}" }}
cards = {{ column = "cards" }}
unit = {{ column = "instance" }}
quantity = {{ column = "used", unit = "second" }}
"""
BILL_HEAD = "instance,cards,from,to,used\n"
BILL_ROW = "i-1,8,2026-10-01 08:00:00,2026-10-01 09:00:00,3600\n"

SLURM = f"""{HEAD}
kind = "slurm"
site = "hpc-a"
contract = {{ column = "Account", values = {{ a = "HT-1", b = "HT-2" }} }}
model = {{ value = "{H100}" }}
"""
SLURM_HEAD = "JobID|Account|Start|End|ElapsedRaw|State|AllocTRES\n"
SLURM_ROW = "7|a|2026-10-02T10:00:13|2026-10-02T12:30:45|9032|COMPLETED|cpu=8,gres/gpu=4\n"

SERIES = f"""{HEAD}
kind = "series"
site = "k8s-a"
metric = "DCGM_FI_DEV_GPU_UTIL"
gap_limit_s = 60
contract = {{ value = "HT-1" }}
model = {{ column = "modelName" }}
"""


def reading(mapping: str, content: str, file: str = "source.csv") -> Reading:
    """A source file read by a mapping.

    Raises:
        MistakesFound: either is wrong.
    """
    return read_source(load_mapping(mapping, "mapping.toml"), file, content.encode())


def records(mapping: str, content: str) -> list[StatedRecord]:
    """The records of the one contract of a file."""
    (found,) = reading(mapping, content).records.values()
    return found


def stated_record(
    start: int,
    end: int,
    *,
    unit_id: str = "cloud-a/i-1",
    identified: bool = False,
    cards: int = 1,
    stated_ms: int | None = None,
    model: str = H100,
    line: int = 2,
) -> StatedRecord:
    """A record over UTC milliseconds, all of it stated unless said otherwise."""
    return StatedRecord(
        key=f"{unit_id}@{start}",
        unit_id=unit_id,
        identified=identified,
        model=model,
        cards=cards,
        start_utc_ms=start,
        end_utc_ms=end,
        stated_ms=end - start if stated_ms is None else stated_ms,
        line=line,
    )


def minutes_record(start: int, end: int, **values: object) -> StatedRecord:
    """A record over whole UTC minutes."""
    return stated_record(start * MINUTE_MS, end * MINUTE_MS, **values)  # type: ignore[arg-type]  # the keywords above


def attestation(
    *found: StatedRecord,
    contract_id: str = "HT-1",
    site: str = "cloud-a",
    kind: SourceKind = SourceKind.BILL,
    source: str = "a",
) -> Attestation:
    """An attestation of records under the usual contract."""
    return Attestation(
        kind=kind,
        site=site,
        vendor=Vendor.NVIDIA,
        contract_id=contract_id,
        provider_id=PROVIDER,
        user_id=TENANT,
        source_name=f"{source}.csv",
        source_sha256=source * 64,
        mapping_sha256="f" * 64,
        counted_by="",
        records=found,
    )
