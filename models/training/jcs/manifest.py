"""models/manifest.toml: what the node must know of each network."""

import hashlib
import json
import os
import pathlib
import tomllib

KEYS = ("file", "sha256", "name", "version", "status", "precision", "window", "size", "operating_point", "licence")
# Tables of a network: of jcs/distance.py, of jcs/reference.py, and what made the weights.
PARTS = ("distance", "reference", "training")
HEADER = "# The networks that the node loads. Written by models/training (python -m jcs.export); sha256 covers each file.\n"


def models_folder() -> pathlib.Path:
    """Where the shipped networks are."""
    return pathlib.Path(__file__).resolve().parents[2]


def write_whole(path: pathlib.Path, content: bytes) -> None:
    """Readers see the old file or the new one, never a part."""
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)


def read(folder: pathlib.Path) -> dict[str, dict]:
    path = folder / "manifest.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


def text(sections: dict[str, dict]) -> str:
    # JSON's strings, numbers and lists of them are TOML as well.
    def table(name: str, entry: dict, keys: tuple[str, ...]) -> str:
        return f"[{name}]\n" + "".join(f"{key} = {json.dumps(entry[key], ensure_ascii=False)}\n" for key in keys)

    parts = []
    for name, entry in sorted(sections.items()):
        parts.append(table(name, entry, KEYS))
        for part in PARTS:
            if part in entry:
                parts.append(table(f"{name}.{part}", entry[part], tuple(entry[part])))
    return HEADER + "\n" + "\n".join(parts)


def publish(folder: pathlib.Path, section: str, model: bytes, entry: dict) -> None:
    """Put a network into the folder: its file first, then the manifest that names it."""
    entry = entry | {"sha256": hashlib.sha256(model).hexdigest()}
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / entry["file"], model)
    write_whole(folder / "manifest.toml", text(read(folder) | {section: entry}).encode())
