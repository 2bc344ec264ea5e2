"""Build stand-ins for the CUDA libraries that the torch wheel wants, on a machine without a GPU.

The Linux wheel of torch is a CUDA build and does not load without some fourteen CUDA libraries, several
gigabytes that a CPU never calls. This script writes, next to torch's own libraries, one shared object for
each missing name. It defines every symbol that torch imports from that library as a function that returns
100 (cudaErrorNoDevice), under the version node that the dynamic linker checks. `torch.cuda.is_available()`
is then False and everything on the CPU works.

The set of symbols belongs to one torch version; setup.sh pins it. Needs gcc and binutils.

    python cuda_standins.py [torch's lib folder]
"""

import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile

CUDA_LIBRARY = re.compile(r"^lib(cu|nv|nccl)")
# Imports without a version: cuFile, NCCL, CUPTI, NVSHMEM, cuSPARSELt and the driver. One library carries them all.
UNVERSIONED_IMPORT = re.compile(r"^(cu|nccl|nvshmem)[A-Za-z_]*")
UNVERSIONED_HOME = "libcudart.so"


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(library: pathlib.Path) -> list[str]:
    """Names of the shared objects that a library asks the dynamic linker for."""
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", str(library)))


def version_homes(library: pathlib.Path) -> dict[str, str]:
    """Version node -> soname of the library that must define it."""
    homes, soname = {}, ""
    for line in run("readelf", "-V", "-W", str(library)).splitlines():
        if found := re.search(r"File: (\S+)", line):
            soname = found[1]
        elif found := re.search(r"Name: (\S+)\s+Flags", line):
            homes[found[1]] = soname
    return homes


def imports(library: pathlib.Path) -> list[tuple[str, str]]:
    """(symbol, version node) of each undefined dynamic symbol; the node is empty for unversioned ones."""
    pairs = []
    for line in run("nm", "-D", "--undefined-only", str(library)).splitlines():
        symbol, _, node = line.split()[-1].partition("@")
        pairs.append((symbol, node.lstrip("@")))
    return pairs


def build(soname: str, nodes: dict[str, set[str]], folder: pathlib.Path) -> None:
    """Compile one stand-in: `nodes` maps a version node ("" for none) to its symbols."""
    with tempfile.TemporaryDirectory() as work:
        source, script = pathlib.Path(work, "standin.c"), pathlib.Path(work, "versions.map")
        symbols = sorted(set().union(*nodes.values())) or ["jcs_standin"]
        source.write_text("".join(f"int {s}(void) {{ return 100; }}\n" for s in symbols))
        script.write_text(
            "".join(f"{node} {{ global: {' '.join(f'{s};' for s in sorted(names))} }};\n" for node, names in nodes.items() if node)
        )
        command = ["gcc", "-w", "-fno-builtin", "-shared", "-fPIC", "-o", str(folder / soname), str(source), f"-Wl,-soname,{soname}"]
        if script.stat().st_size:
            command.append(f"-Wl,--version-script={script}")
        run(*command)


def main() -> None:
    if len(sys.argv) > 1:
        folder = pathlib.Path(sys.argv[1])
    else:
        # find_spec does not import torch, which could not load yet.
        folder = pathlib.Path(importlib.util.find_spec("torch").origin).parent / "lib"
    libraries = sorted(folder.glob("*.so"))
    wanted = {n for lib in libraries for n in needed(lib) if CUDA_LIBRARY.match(n)}
    missing = sorted(n for n in wanted if not (folder / n).exists())
    undefined = {pair for lib in libraries for pair in imports(lib)}
    loose = {s for s, node in undefined if not node and UNVERSIONED_IMPORT.match(s)}
    homes = {node: soname for lib in libraries for node, soname in version_homes(lib).items()}
    for soname in missing:
        nodes: dict[str, set[str]] = {}
        for symbol, node in undefined:
            if homes.get(node) == soname:
                nodes.setdefault(node, set()).add(symbol)
        if soname.startswith(UNVERSIONED_HOME):
            nodes[""] = loose
        build(soname, nodes, folder)
    print(f"{len(missing)} stand-in libraries written to {folder}")


if __name__ == "__main__":
    main()
