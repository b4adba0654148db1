"""The file that names many libraries: checked as a whole before anything begins."""

import os
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from album.analysis.workers import LIMIT
from album.errors import AlbumError, is_remote, shown
from db.places import is_url
from nets.engine import ATTRIBUTES, DETECTORS, EMBEDDERS, PROFILES
from nets.runtime.devices import DEVICES


class BadConfig(AlbumError):  # noqa: N818 - the name says what is wrong
    """The file can't be used; nothing was begun."""

    code = "config"
    exit_code = 2


def _one_of(names: Collection[str]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"should be one of {', '.join(names)}")
        return name

    return AfterValidator(check)


def _place(is_address: Callable[[str], bool]) -> BeforeValidator:
    """Take an address as it is, and a path as seen from the folder of the file."""

    def located(value: object, info: ValidationInfo) -> Path | str:
        if not isinstance(value, str) or not value:
            raise ValueError("should be a path or an address")
        return value if is_address(value) else Path(info.context or "", Path(value).expanduser())

    return BeforeValidator(located)


Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
File = Annotated[Path, Field(strict=False)]


class _Table(BaseModel):
    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.replace("_", "-"),
    )


class Options(_Table):
    """How to index a library, and how much of it in one run; keys are described in docs/batch.md.

    A limit that is None does not exist.
    """

    profile: Annotated[str, _one_of(PROFILES)] = "default"
    detector: Annotated[str, _one_of(DETECTORS)] | None = None
    embedder: Annotated[str, _one_of(EMBEDDERS)] | None = None
    attributes: Annotated[str, _one_of(ATTRIBUTES)] | None = None
    device: Annotated[str, _one_of(DEVICES)] = "auto"
    min_face: Positive = 40.0
    file_timeout: Positive = LIMIT
    emotions: bool = True
    clips: bool = True
    group: bool = True
    retry: bool = False
    max_photos: Count | None = None
    max_faces: Count | None = None
    max_seconds: Positive | None = None
    max_in_flight: Count | None = None
    weight: Positive = 1.0


class Job(Options):
    """One library.

    Attributes
    ----------
    name : str
    library : Path or str
        A file, or the URL of a database.
    photos : list of Path or str
        Files, folders and addresses.
    """

    name: Text
    library: Annotated[Path | str, _place(is_url)]
    photos: list[Annotated[Path | str, _place(is_remote)]] = Field(min_length=1)

    @field_validator("photos", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class ClusterTable(_Table):
    """Where the workers are; as the options of `album batch`."""

    workers: Count | None = None
    scheduler: Text | None = None
    tls_ca: File | None = None
    tls_cert: File | None = None
    tls_key: File | None = None
    insecure: bool = False


class Batch(_Table):
    """All libraries.

    Attributes
    ----------
    at_once : int
        Libraries that are indexed side by side.
    cluster : ClusterTable
    defaults : Options
        Of libraries that do not say otherwise.
    jobs : list of Job
    """

    at_once: Count = 4
    cluster: ClusterTable = ClusterTable()
    defaults: Options = Options()
    jobs: list[Job] = Field(alias="library", min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, tables: Mapping[str, Any]) -> Mapping[str, Any]:
        defaults, jobs = tables.get("defaults"), tables.get("library")
        if not isinstance(defaults, dict) or not isinstance(jobs, list):
            return tables
        merged = [defaults | job if isinstance(job, dict) else job for job in jobs]
        return {**tables, "library": merged}

    @model_validator(mode="after")
    def _all_different(self) -> "Batch":
        for key in ("name", "library"):
            values = [os.fspath(getattr(job, key)) for job in self.jobs]
            if twice := sorted({value for value in values if values.count(value) > 1}):
                raise ValueError(f"two libraries have the {key} {twice[0]}")
        return self


def read_config(path: Path) -> Batch:
    """Read and check a file.

    Raises
    ------
    BadConfig
        It can't be read, or something in it is wrong; the sentence names file and key.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return Batch.model_validate(tables, context=path.parent.absolute())
    except OSError as error:
        raise BadConfig(f"{shown(path)} can't be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise BadConfig(f"{shown(path)} is no TOML: it is not UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(f"{shown(path)} is no TOML: {error}.") from error
    except ValidationError as error:
        raise BadConfig(f"{shown(path)}: {_sentence(error)}") from error


MESSAGES = {
    "bool_type": "should be true or false",
    "int_type": "should be a whole number",
    "float_type": "should be a number",
    "list_type": "should be a list",
    "missing": "is missing",
    "model_type": "should be a table",
    "path_type": "should be a path",
    "string_type": "should be a text",
    "string_too_short": "should not be empty",
    "too_short": "should not be empty",
}
"""What is wrong, by the type of an error of pydantic; other types in its own words."""


def _sentence(error: ValidationError) -> str:
    """Say what is wrong first, where, and what is accepted."""
    first = error.errors()[0]
    kind, value = first["type"], first["input"]
    model: type[_Table] = Batch
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    found = f", not {value!r}" if isinstance(value, bool | int | float | str) else ""
    match first["loc"]:
        case []:
            return f"{message}."
        case ["library"]:
            return "[[library]] is missing; each has name, library and photos."
        case [str(key)]:
            name = repr(key)
        case ["library", int(number)]:
            name = f"[[library]] number {number + 1}"
        case ["library", int(number), key, *_]:
            name, model = f"{key!r} in [[library]] number {number + 1}", Job
        case [str(table), key, *_]:
            name = f"{key!r} in [{table}]"
            model = ClusterTable if table == "cluster" else Options
    if kind == "extra_forbidden":
        known = ", ".join(str(field.alias) for field in model.model_fields.values())
        return f"{name} is not a known key; known are {known}."
    return f"{name} {MESSAGES.get(kind, message)}{found}."
