"""All settings, from the environment and ``.env``: one frozen object; a bad value stops the start, and all bad ones are
listed.
"""

from __future__ import annotations

import difflib
import importlib.util
import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

import platformdirs
from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, NoDecode, SettingsConfigDict

from .models.registry import SAMS
from .runtime.devices import PLAIN, is_device
from .sessions import STORES, WITH_REDIS
from .wire import prefix_of

Engine = Literal["auto", "sam", "mesh"]
SMALL_SAM = "mobile_sam"
"""The SAM that draws until the one asked for is here: small enough to come from the package index in seconds."""
Words = Annotated[tuple[str, ...], NoDecode]
MIB = 1024 * 1024
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", re.ASCII)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9._-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:.]+\](:[0-9]{1,5})?", re.ASCII)
ELSEWHERE = ("SAM_PUBLISH", "SAM_MEMORY", "SAM_CPUS", "SAM_UID", "SAM_IMAGE", "SAM_GPU_IMAGE", "SAM_SHARED")
"""Not ours, and not misspelt: docker-compose.yaml reads them from the same ``.env``; the last one is the tests'."""


def _known_sam(name: str) -> str:
    if name not in SAMS:
        raise ValueError(f"{name[:40]} is no SAM that is known here; these are: {', '.join(SAMS)}")
    return name


SamName = Annotated[str, AfterValidator(_known_sam)]


def _known_device(name: str) -> str:
    if not is_device(name):
        raise ValueError(f"{name[:40]} is no device; these are: {', '.join(PLAIN)}, cuda:0, cuda:1 …")
    return name


DeviceName = Annotated[str, AfterValidator(_known_device)]


class SettingsError(Exception):
    """One line per mistake, fit to be printed."""


def default_models_dir() -> Path:
    """A fixed place, whatever folder a command is given in: that of the clone which is installed editably, else the
    user's.
    """
    clone = Path(__file__).resolve().parents[2]
    if (clone / "Makefile").is_file() and (clone / "pyproject.toml").is_file():
        return clone / "models"
    return platformdirs.user_data_path("sam-mask-api", appauthor=False) / "models"


def _port_of(url: SplitResult) -> int | None:
    try:
        return url.port
    except ValueError:
        raise ValueError("its port is no number up to 65535") from None


def _both(name: str) -> Any:
    """The seed's own name of a setting, or the same with our prefix."""
    return AliasChoices(f"SAM_{name}", name)


class Settings(BaseSettings):
    """Read once at start. Sizes are in bytes, times in seconds, ``*_pixels`` in pixels."""

    model_config = SettingsConfigDict(
        env_prefix="SAM_",
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
    )

    # Who may ask
    api_key: SecretStr | None = Field(None, description="Key that every request must carry; unset: open to all.")
    allowed_hosts: Words = Field((), description="Host names that the service answers to; empty: see docs/security.md.")
    cors_origins: Words = Field(
        (), description="Web origins that may call from a browser; empty: none; *, with a key: all."
    )

    trusted_proxies: Words = Field(
        (),
        description="Addresses or networks (CIDR) of proxies whose X-Forwarded-For and X-Forwarded-Prefix are "
        "believed; "
        "empty: nobody's.",
    )
    root_path: str = Field("", description="Path that the service stands under behind a proxy, as `/masks`.")

    # Which engine
    engine: Engine = Field("auto", description="auto: SAM when its weights are there, else mesh; sam; mesh.")
    model: SamName = Field("vit_b", description="Which SAM; with auto, MobileSAM draws until it is here.")
    checkpoint: Path | None = Field(
        None, description="A SAM checkpoint of your own: SAM 1, MobileSAM or EfficientViT-SAM."
    )
    models_dir: Path = Field(
        default_factory=default_models_dir,
        description="Folder that model files are kept in; unset: `models` in the clone, without one "
        "`sam-mask-api/models` in the user's data folder (`~/.local/share`).",
    )
    models_mirror: str | None = Field(None, description="Base URL that model files are asked of first.")
    offline: bool = Field(False, description="Never download a model.")
    precision: Literal["auto", "bf16", "f32", "f16", "int8"] = Field(
        "auto",
        description="Arithmetic of SAM: `f32`, `bf16`, on a CPU `int8` for the encoder, on a GPU `f16`; `auto` takes "
        "bf16 where the processor multiplies in it.",
    )
    device: DeviceName = Field(
        "auto",
        description="Where SAM runs: `auto` (a CUDA card where there is one), `cpu`, `cuda`, `cuda:1`, `mps`, "
        "`intel-gpu`; `torch-cpu` for tests.",
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=256,
        validation_alias=_both("OMP_NUM_THREADS"),
        description="CPU threads; unset: all allowed cores.",
    )
    cuda_visible_devices: str | None = Field(
        default_factory=lambda: visible_cards(),
        validation_alias=AliasChoices("CUDA_VISIBLE_DEVICES"),
        description="GPU ids that may be used; empty: none, the CPU computes; unset: all.",
    )

    # Pictures in and out
    max_bytes: int = Field(20 * MIB, ge=1024, le=2**31, description="Largest request body and fetched picture.")
    max_pixels: int = Field(52_000_000, ge=256, le=2**31, description="Largest picture.")
    max_faces: int = Field(64, ge=1, le=1000, description="Faces that one mask holds, at most; more are said.")
    image_root: Path = Field(Path("images"), description="Folder that image_path may read from.")
    output_root: Path = Field(Path("output"), description="Folder that /create_mask_file writes to.")
    output_bytes: int = Field(
        10 * 1024 * MIB, ge=0, le=2**50, description="Bytes that the output folder may come to hold; more get 503."
    )

    # URLs
    url_input: bool = Field(True, description="off: image_url is refused.")
    url_hosts: Words = Field((), description="Exact host names that image_url may name; empty: any public one.")
    url_allow_networks: Words = Field(
        (), description="Networks (CIDR) that image_url may reach besides the public ones."
    )
    url_seconds: float = Field(5.0, gt=0, le=120, description="Time limit of a fetch, in all.")
    url_slots: int = Field(8, ge=1, le=1024, description="Fetches at once.")

    # Load
    workers: int = Field(2, ge=1, le=64, description="Pictures at work at once.")
    queue: int = Field(8, ge=0, le=4096, description="Requests that may wait; more get 503 busy.")
    deadline_seconds: float = Field(60.0, gt=0, le=3600, description="Time limit of a request.")
    head_seconds: float = Field(10.0, gt=0, le=600, description="Time limit for a request's head.")
    body_seconds: float = Field(15.0, gt=0, le=600, description="Time limit for a request's body.")
    write_seconds: float = Field(30.0, gt=0, le=600, description="Time limit for a client to take its answer.")
    grace_seconds: float = Field(20.0, gt=0, le=600, description="Time for accepted work after SIGTERM.")
    max_connections: int = Field(1000, ge=1, le=100_000, description="Open connections, in all.")
    cache_bytes: int = Field(64 * MIB, ge=0, le=2**40, description="Memory for embeddings; 0: no cache.")
    images_bytes: int = Field(512 * MIB, ge=0, le=2**40, description="Memory for uploads to /images; 0: off.")
    images_seconds: float = Field(900.0, gt=0, le=86_400, description="How long an upload to /images is kept.")

    images_url: SecretStr | None = Field(
        None,
        description="Where uploads to /images are kept: unset, the process's memory (several `--workers`: a folder in "
        "memory that they share); `file:///folder`; `redis://…`, `rediss://…`, `unix://…` (extra `redis`).",
    )

    # Jobs
    jobs_dir: Path | None = Field(
        None, description="Folder that jobs are kept in, pictures and results among them; unset: no /jobs."
    )
    jobs_url: SecretStr | None = Field(
        None,
        description="Instead: jobs that any number of machines take in and work on; `redis://…`, `rediss://…`, "
        "`unix://…` (extra `jobs`).",
    )
    jobs_max: int = Field(20, ge=1, le=100_000, description="Unfinished jobs of one caller (key); more get 429.")
    jobs_bytes: int = Field(
        2048 * MIB, ge=MIB, le=2**50, description="Room for pictures and results of one caller's jobs; more get 429."
    )
    jobs_seconds: float = Field(86_400.0, ge=60, le=31_536_000, description="How long a finished job is kept.")
    webhook_secret: SecretStr | None = Field(
        None, description="Key that webhooks are signed with, 16 characters or more; unset: no webhooks."
    )

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")
    log_format: Literal["auto", "text", "json"] = Field("auto", description="auto: text on a terminal, else JSON.")

    @field_validator(
        "allowed_hosts", "cors_origins", "trusted_proxies", "url_hosts", "url_allow_networks", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator("url_allow_networks", "trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            ipaddress.ip_network(word, strict=False)
        return value

    @field_validator("root_path")
    @classmethod
    def _prefix(cls, value: str) -> str:
        try:
            return prefix_of(value)
        except ValueError as error:
            raise ValueError(f"it {error}") from None

    @field_validator("url_hosts", "allowed_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        names = tuple(word.lower() for word in value)
        any_host = ("*",) if info.field_name == "allowed_hosts" else ()
        if wrong := next((name for name in names if name not in any_host and not _HOST.fullmatch(name)), None):
            raise ValueError(f"{wrong} is no host name; write it without http://, port, path and wildcards")
        return names

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """As a browser sends them, to the letter: another spelling would silently never match. ``*`` is every
        origin.
        """
        if value == ("*",):
            if info.data.get("api_key") is None:
                raise ValueError("* needs SAM_API_KEY: without a key every page of the web could use this service")
            return value
        if wrong := next((word for word in value if not _ORIGIN.fullmatch(word)), None):
            raise ValueError(f"{wrong} is no origin; write https://app.example.com, without path or slash at its end")
        return value

    @field_validator("api_key")
    @classmethod
    def _key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_KEY:
            raise ValueError(f"the key must have at least {MIN_KEY} characters")
        return value

    @field_validator("images_url")
    @classmethod
    def _store(cls, value: SecretStr | None) -> SecretStr | None:
        """Never repeats the address: a password may stand in it."""
        url = urlsplit(value.get_secret_value() if value else "")
        if url.scheme not in STORES or (value and not url.scheme):
            raise ValueError(f"it begins with {', '.join(f'{scheme}://' for scheme in STORES if scheme)}")
        if url.scheme == "file" and (url.netloc or len(url.path) < 2):
            raise ValueError("a folder is written file:///its/whole/path")
        _port_of(url)
        if url.scheme in WITH_REDIS and importlib.util.find_spec("redis") is None:
            raise ValueError("Redis needs its library: pip install 'sam-mask-api[redis]'")
        return value

    @property
    def images_at(self) -> str:
        """Address of the store of uploads; empty: this process's memory."""
        return self.images_url.get_secret_value() if self.images_url else ""

    @field_validator("jobs_url")
    @classmethod
    def _jobs(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Never repeats the address either."""
        if value is None:
            return None
        url = urlsplit(value.get_secret_value())
        if url.scheme not in WITH_REDIS:
            raise ValueError(f"it begins with {', '.join(f'{scheme}://' for scheme in sorted(WITH_REDIS))}")
        _port_of(url)
        if not all(map(importlib.util.find_spec, ("redis", "taskiq", "taskiq_redis"))):
            raise ValueError("jobs in Redis need their libraries: pip install 'sam-mask-api[jobs]'")
        if info.data.get("jobs_dir") is not None:
            raise ValueError("jobs are kept in one place: unset SAM_JOBS_DIR, or this")
        return value

    @property
    def jobs_at(self) -> str:
        """Address of the store of jobs; empty: SAM_JOBS_DIR."""
        return self.jobs_url.get_secret_value() if self.jobs_url else ""

    @field_validator("webhook_secret")
    @classmethod
    def _secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_SECRET:
            raise ValueError(f"the key must have at least {MIN_SECRET} characters")
        return value

    @property
    def networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        return tuple(ipaddress.ip_network(word, strict=False) for word in self.url_allow_networks)


MIN_KEY = 8
"""A shorter key stops the start. Below 16 characters the log and /health warn: the documented example key has 15."""

MIN_SECRET = 16
"""Whoever gets a signed webhook can try keys at leisure, so there is no weak one."""


def visible_cards() -> str | None:
    """``CUDA_VISIBLE_DEVICES`` where it is written and empty, which other settings take for unset; None where it is not
    written."""
    name = "cuda_visible_devices"
    for source in (EnvSettingsSource, DotEnvSettingsSource):
        written = source(Settings, env_ignore_empty=False).env_vars
        if name in written:
            return written[name]
    return None


def load(**overrides: Any) -> Settings:
    """The settings in force. Raises SettingsError that names every bad one with its reason."""
    try:
        return Settings(**overrides)
    except ValidationError as e:
        lines = [
            f"{_variable(error['loc'])}: {error['msg'].removeprefix('Value error, ')}"
            for error in e.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("\n".join(lines)) from None


def strays() -> tuple[str, ...]:
    """A sentence for each ``SAM_`` name in the environment or ``.env`` that is no setting: it is ignored, and should
    not be so silently."""
    read = EnvSettingsSource(Settings).env_vars.keys() | DotEnvSettingsSource(Settings).env_vars.keys()
    known = [_variable((name,)) for name in Settings.model_fields] + list(ELSEWHERE)
    names = sorted(name.upper() for name in read if name.upper().startswith("SAM_"))
    return tuple(_stray(name, known) for name in names if name not in known)


def _stray(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f"{name} is no setting and is ignored" + (f"; did you mean {near[0]}?" if near else ".")


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "settings"
    return name if name.isupper() else f"SAM_{name.upper()}"
