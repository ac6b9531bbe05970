"""Ten minutes of a card without an agent that a provider states within the certified month."""

import json

from fixtures_certificates import CLOSE_UTC_MS, COMPANY_A, MODEL, PROVIDER
from fixtures_ingest import START_UTC_MS
from kashi_server.services.acting import Acting
from kashi_server.services.stating import SourceFile, UsageStating
from kashi_server.storage.unit_of_work import Work

STATED_CARD = "GPU-dddddddd-1111-4000-8000-000000000000"
_MAPPING = f"""\
format = "kashi/v1/usage-mapping"
kind = "series"
site = "k8s-c"
provider = "{PROVIDER}"
vendor = "nvidia"
utc_offset = "Z"
metric = "DCGM_FI_DEV_GPU_UTIL"
gap_limit_s = 60
contract = {{ value = "HT-A" }}
model = {{ value = "{MODEL}" }}
"""


def state_ten_minutes(work: Work) -> None:
    """State them by their samples; the company agrees."""
    first = START_UTC_MS // 1000
    samples = [[first + second, "50"] for second in range(0, 601, 60)]
    result = [{"metric": {"UUID": STATED_CARD}, "values": samples}]
    source = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    stating = UsageStating(work, lambda: CLOSE_UTC_MS)
    taken = stating.take(
        SourceFile("mapping.toml", _MAPPING.encode()),
        [SourceFile("series.json", json.dumps(source).encode())],
        "officer-a",
    )
    for one in taken.attestations:
        company = Acting(actor="company-a", party_id=COMPANY_A)
        stating.countersign(one.attestation_id, company, "已核对")
