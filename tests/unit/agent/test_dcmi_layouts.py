"""The binding's structures against the same structures laid out by a C compiler."""

import ctypes
import subprocess
from pathlib import Path

import pytest
from fakes.driver.library import compiler
from kashi_agent.meters import dcmi_layouts

LAYOUTS = Path(__file__).parents[2] / "fakes" / "dcmi" / "layouts.h"

C_NAMES = {
    "ChipInfo": "chip_info_v2_t",
    "PcieInfo": "pcie_info_v2_t",
    "Die": "die_t",
    "BoardInfo": "board_info_t",
    "Label": "elabel_t",
    "HbmInfo": "hbm_info_t",
    "MemoryInfo": "memory_info_t",
    "MultiUtilisation": "multi_utilisation_t",
    "Process": "process_t",
    "BaseResource": "base_resource_t",
    "ComputingResource": "computing_resource_t",
    "MediaResource": "media_resource_t",
    "VdevInfo": "vdev_info_t",
    "VdevQuery": "vdev_query_t",
    "SocTotal": "soc_total_t",
}

FIRST_OF = {
    ("ChipInfo", "kind"): "type",
    ("ComputingResource", "units"): "dsa",
    ("ComputingResource", "ids"): "event",
    ("ComputingResource", "processors"): "topic_aicpu",
    ("MediaResource", "units"): "jpegd",
}
"""Fields that have another name in C, or stand there for several."""


def structures() -> dict[str, type[ctypes.Structure]]:
    """Every structure of the binding."""
    return {
        name: thing
        for name, thing in vars(dcmi_layouts).items()
        if isinstance(thing, type)
        and issubclass(thing, ctypes.Structure)
        and thing.__module__ == dcmi_layouts.__name__
    }


def test_every_structure_is_laid_out_as_the_c_compiler_does_it(tmp_path: Path) -> None:
    """Sizes and offsets of all fields are those of the C structures, which are in turn asserted to
    have the sizes and offsets that are known of the vendor's library."""
    if compiler() is None:
        pytest.skip("no C compiler: install gcc")
    asked: list[tuple[str, str, int]] = []
    lines = [f'#include "{LAYOUTS}"', "#include <stdio.h>", "int main(void) {"]
    for name, structure in structures().items():
        kind = C_NAMES[name]
        asked.append((name, "sizeof", ctypes.sizeof(structure)))
        lines.append(f'printf("%zu\\n", sizeof({kind}));')
        for field, *_ in structure._fields_:
            asked.append((name, field, getattr(structure, field).offset))
            lines.append(
                f'printf("%zu\\n", offsetof({kind}, {FIRST_OF.get((name, field), field)}));'
            )
    source = tmp_path / "offsets.c"
    source.write_text("\n".join([*lines, "return 0; }"]))
    program = tmp_path / "offsets"
    subprocess.run(
        [str(compiler()), "-std=c11", "-Werror", "-o", str(program), str(source)], check=True
    )

    told = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout.split()

    assert set(structures()) == set(C_NAMES)
    assert [(*where[:2], int(value)) for where, value in zip(asked, told, strict=True)] == asked
