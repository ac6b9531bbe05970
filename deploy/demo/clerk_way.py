"""The clerk's way on the demonstration's own files: commands, as docs/claims.md has them too.

From the tax bureau's files to the pack of a claim that was handed in. A test runs them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from deploy.demo.sample_papers import CONTRACT, PROGRAMME, lay_samples
from deploy.demo.scene import COMPANY_A, MONTH

OFFICER, SECOND, CLERK = "officer", "officer-2", COMPANY_A.login
SAMPLES: Final = "samples"
BATCH: Final = "SQ-DEMO"
STATEMENT: Final = f"KS-{MONTH}-{CONTRACT}"
"""The statement that the samples belong to."""

CLERK_WAY: Final = f"""\
cd build/demo
export KASHI_SERVER_DIRECTORY=server PATH="$PWD/../../.venv/bin:$PATH"
# 主管部门：合同分项与名单、批次 The office: contract parts and list, a batch
kashi-server import samples/papers.toml \\
  --officer {OFFICER} --password-file samples/{OFFICER}.password
kashi-server batch open {BATCH} --programme {PROGRAMME} \\
  --rules samples/rules.toml --from 2026-01-01 --until 2099-12-31 \\
  --document 演示通知 --officer {OFFICER} --second {SECOND} \\
  --password-file samples/{OFFICER}.password \\
  --password-file samples/{SECOND}.password
# 发票、付款、申报 Invoices, payments, the claim
kashi-server invoices import samples/invoices.xlsx samples/invoice-910b.xml \\
  --mapping samples/mapping.toml \\
  --officer {OFFICER} --password-file samples/{OFFICER}.password
kashi-server payments import samples/payments.xlsx \\
  --officer {OFFICER} --password-file samples/{OFFICER}.password
kashi-server claim draft {BATCH} --form samples/form.toml \\
  --by {CLERK} --password-file samples/{CLERK}.password
kashi-server claim submit {BATCH}-0001 \\
  --by {CLERK} --password-file samples/{CLERK}.password
kashi-server claim pack {BATCH}-0001 pack.zip
"""
"""To be pasted into a shell at the root of the repository, once; no line is wider than 80.

Nobody is asked for a password: a prompt would swallow the lines that were pasted behind it.
"""


def lay_way(root: Path, statement: dict[str, Any], passwords: Mapping[str, str]) -> None:
    """Lay out everything the commands read.

    Args:
        root: the demonstration's folder.
        statement: company A's statement of the month.
        passwords: by login.
    """
    folder = root / SAMPLES
    lay_samples(folder, statement)
    for login in (OFFICER, SECOND, CLERK):
        file = folder / f"{login}.password"
        file.touch(mode=0o600)
        file.write_text(passwords[login] + "\n", encoding="utf-8")


def print_way(console: Console) -> None:
    """The commands, ready to be pasted."""
    console.print("以样例材料申报 a claim on sample papers (docs/claims.md):")
    console.print(CLERK_WAY, markup=False, soft_wrap=True, highlight=False)
