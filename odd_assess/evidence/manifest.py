"""The manifest: what ran, on what, with which digests, seeds and environment. Written when a run begins and again when it ends.

``identity`` is the part that decides whether an interrupted run may go on: the digests of spec, criteria, model and data, the seed, the kind of
device and the version of odd-assess. An interrupted run goes on with the setting of the engine that is recorded. The rest (times, machine, library
versions) is for the reader.

A finished run's manifest binds its folder: ``evidence_sha256`` is the SHA-256 of the evidence file as it was finished, ``digest`` that of all the rest of the
manifest, and the file has the one spelling that ``spelled`` gives it. So a change of any byte of either shows, though not who made it: whoever changes
them can compute digests too. What such a hand cannot do is make numbers follow from counts that do not give them (`odd_assess.verify`), nor keep a digest
that was noted, signed or published elsewhere.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from odd_assess.errors import RunError, RunFolderError
from odd_assess.evidence.files import put

MANIFEST = "manifest.json"
VERSION = 1
"""Of the form of the manifest."""
LIBRARIES = (
    "odd-assess",
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "pandas",
    "pillow",
    "scikit-learn",
    "onnxruntime",
    "weasyprint",
)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_digest() -> str:
    """SHA-256 over the source files of the installed odd_assess, so that an edited copy shows."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}|{sha256(path)}|".encode())
    return digest.hexdigest()


def environment() -> dict[str, Any]:
    """Python, operating system, processor and the versions of the libraries that numbers pass through."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "byte_order": sys.byteorder,
        "libraries": versions,
    }


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Replace the folder's manifest in one step, so that a kill leaves the old or the new one, never half of one. Its version and digest are added.

    Raises: RunError when the disk refuses.
    """
    path = folder / MANIFEST
    whole = {"manifest_version": VERSION, **manifest}
    try:
        put(path, spelled({**whole, "digest": content_digest(whole)}))
    except OSError as error:
        raise RunError(f"{path}: could not be written: {error.strerror or error}. Make room, then go on with --resume") from error


def spelled(manifest: Mapping[str, Any]) -> bytes:
    """A manifest as the bytes of its file."""
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode(errors="surrogatepass")


def content_digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 over all of a manifest but ``digest``, as JSON with sorted keys and without spaces."""
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder. Its digest is not checked: an interrupted run may be gone on with where that is wrong.

    Raises: RunFolderError when it is missing, no manifest, or of another version.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunFolderError(f"{folder}: must be a run folder, found no {MANIFEST} in it") from None
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path}: must be the manifest of a run, got: {error}") from error
    if (
        not isinstance(manifest, dict)
        or not {"identity", "started", "status"} <= set(manifest)
        or not isinstance(manifest["identity"], dict)
    ):
        raise RunFolderError(f"{path}: must be the manifest of a run, found no identity, start and status in it")
    version = manifest.get("manifest_version")
    if version != VERSION:
        age, what = (
            ("a newer", "update odd-assess") if isinstance(version, int) and version > VERSION else ("another", "use that one")
        )
        raise RunFolderError(f"{path}: written by {age} odd-assess (manifest version {version}, this one reads {VERSION}); {what}")
    return manifest


def differences(before: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> list[str]:
    """The leaves in which two identities differ, one line each."""
    found: list[str] = []
    for key in sorted({*before, *now}):
        old, new, name = before.get(key), now.get(key), f"{path}{key}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, f"{name}.")
        elif old != new:
            found.append(f"{name}: was {old}, is {new}")
    return found
