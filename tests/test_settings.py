from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from sam_mask_service.settings import Settings, SettingsError, load, strays


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*(f"SAM_{n.upper()}" for n in Settings.model_fields), "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_defaults() -> None:
    s = load()
    assert (s.engine, s.model, s.api_key, s.url_input) == ("auto", "vit_b", None, True)
    assert s.cuda_visible_devices is None
    assert s.threads is None


def test_environment_and_the_seeds_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SAM_API_KEY": "your-secret-key",
        "OMP_NUM_THREADS": "3",
        "CUDA_VISIBLE_DEVICES": "0",
        "SAM_URL_INPUT": "off",
        "SAM_URL_HOSTS": "Example.com, cdn.example.com",
        "SAM_URL_ALLOW_NETWORKS": "127.0.0.0/8,::1/128",
        "SAM_IMAGE_ROOT": "/srv/pictures",
    }.items():
        monkeypatch.setenv(name, value)
    s = load()
    assert s.api_key is not None
    assert s.api_key.get_secret_value() == "your-secret-key"
    assert "secret-key" not in repr(s)
    assert (s.threads, s.cuda_visible_devices, s.url_input) == (3, "0", False)
    assert s.url_hosts == ("example.com", "cdn.example.com")
    assert [str(n) for n in s.networks] == ["127.0.0.0/8", "::1/128"]
    assert s.image_root == Path("/srv/pictures")


def test_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SAM_API_KEY=from-the-file\nSOMETHING_ELSE=1\n")
    key = load().api_key
    assert key is not None
    assert key.get_secret_value() == "from-the-file"


def test_all_mistakes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SAM_ENGINE": "gpu",
        "SAM_WORKERS": "-1",
        "SAM_MAX_BYTES": "many",
        "SAM_URL_ALLOW_NETWORKS": "localhost",
        "SAM_API_KEY": "short",
        "OMP_NUM_THREADS": "0",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as e:
        load()
    text = str(e.value)
    assert len(text.splitlines()) == 6
    for name in (
        "SAM_ENGINE",
        "SAM_WORKERS",
        "SAM_MAX_BYTES",
        "SAM_URL_ALLOW_NETWORKS",
        "SAM_API_KEY",
        "OMP_NUM_THREADS",
    ):
        assert name in text
    assert "short\n" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAM_ALLOWED_HOSTS", "https://mask.example.com"),
        ("SAM_ALLOWED_HOSTS", "ok.example.com,mask.example.com:8739"),
        ("SAM_ALLOWED_HOSTS", "*.example.com"),
        ("SAM_URL_HOSTS", "*"),
        ("SAM_URL_HOSTS", "cdn.example.com/pictures"),
        ("SAM_CORS_ORIGINS", "https://app.example.com/"),
        ("SAM_CORS_ORIGINS", "app.example.com"),
        ("SAM_CORS_ORIGINS", "HTTPS://app.example.com"),
        ("SAM_CORS_ORIGINS", "https://app.example.com,*"),
    ],
)
def test_a_name_that_could_never_match_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: .+; write") as e:
        load()
    assert value.split(",")[-1].lower() in str(e.value).lower()


def test_names_that_match(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SAM_ALLOWED_HOSTS": "*,Mask.example.com,sam-mask-service,my_host,10.0.0.5,[::1]",
        "SAM_CORS_ORIGINS": "https://app.example.com,http://localhost:3000,http://[::1]:3000,chrome-extension://abcdef",
    }.items():
        monkeypatch.setenv(name, value)
    s = load()
    assert s.allowed_hosts == ("*", "mask.example.com", "sam-mask-service", "my_host", "10.0.0.5", "[::1]")
    assert len(s.cors_origins) == 4


def test_every_origin_may_call_where_a_key_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM_CORS_ORIGINS", "*")
    with pytest.raises(SettingsError, match=r"SAM_CORS_ORIGINS: \* needs SAM_API_KEY"):
        load()
    monkeypatch.setenv("SAM_API_KEY", "a-long-and-strong-key")
    assert load().cors_origins == ("*",)


def test_a_misspelt_name_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith("SAM_")]:
        monkeypatch.delenv(name)
    assert strays() == ()
    monkeypatch.setenv("SAM_ENGIN", "mesh")
    monkeypatch.setenv("SAM_WORKERS", "1")
    (tmp_path / ".env").write_text("SAM_TIMEOUT=3\nSAM_PUBLISH=127.0.0.1\nSAM_API_KEY=from-the-file\nOTHER=1\n")
    assert strays() == (
        "SAM_ENGIN is no setting and is ignored; did you mean SAM_ENGINE?",
        "SAM_TIMEOUT is no setting and is ignored.",
    )


def test_where_uploads_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().images_at == ""
    for url in ("file:///srv/kept", "redis://:secret-word@store:6379/0", "rediss://store", "unix:///run/redis.sock"):
        monkeypatch.setenv("SAM_IMAGES_URL", url)
        assert load().images_at == url and "secret-word" not in repr(load())
    for wrong in ("memory", "ftp://a", "file://host/x", "file:///", "redis://:secret-word@store:no"):
        monkeypatch.setenv("SAM_IMAGES_URL", wrong)
        with pytest.raises(SettingsError, match="SAM_IMAGES_URL: ") as caught:
            load()
        assert "secret-word" not in str(caught.value)


def test_redis_without_its_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"sam-mask-api\[redis\]"):
        load(images_url="redis://store")


@pytest.mark.parametrize(("written", "found"), [(None, None), ("", ""), ("-1", "-1"), ("0,1", "0,1")])
def test_an_empty_list_of_cards_is_not_an_unset_one(
    written: str | None, found: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The seed's table: ``CUDA_VISIBLE_DEVICES`` empty is the CPU."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if written is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", written)
    assert load().cuda_visible_devices == found
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if written is not None:
        (tmp_path / ".env").write_text(f"CUDA_VISIBLE_DEVICES={written}\n")
    assert load().cuda_visible_devices == found


@pytest.mark.parametrize("name", ["gpu", "CUDA", "cuda:", "cuda:x", "rocm"])
def test_a_wrong_device_stops_the_start(name: str) -> None:
    with pytest.raises(SettingsError, match=f"SAM_DEVICE: {name} is no device; these are: auto, cpu, cuda, mps"):
        load(device=name)
