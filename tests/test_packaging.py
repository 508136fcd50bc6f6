"""What a clone gets: the locks, the Makefile's choice of a python, the image and the compose file."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

import sam_mask_service

from .test_layers import imported

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).resolve().parent.parent
LOCKS = (
    "requirements.txt",
    "requirements-dev.txt",
    *(f"requirements-{n}.txt" for n in ("image", "uv", "build", "dist")),
)
UNWANTED = {
    *("torch", "torchvision", "jax", "jaxlib", "scipy", "matplotlib", "scikit-image", "sounddevice", "sentencepiece"),
    *(
        "mediapipe",
        "rich",
        "pygments",
        "opencv-contrib-python",
        "opencv-python",
        "openvino-telemetry",
        "onnxruntime",
        "pip",
        "setuptools",
        "uv",
    ),
}
TASKIQ = {"taskiq", "taskiq-redis", "taskiq-dependencies", "pycron", "attrs", "yarl", "multidict", "propcache"} | {
    *("aiohttp", "aiohappyeyeballs", "aiosignal", "frozenlist")
}
"""Taskiq and what it brings."""
SEED_COMMAND = "gunicorn --bind 0.0.0.0:8739 --workers 1 --timeout 120 sam_mask_service:app"


def project() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")))


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8")))


def locked(name: str) -> dict[str, int]:
    """Distribution → number of hashes, over all its versions, of one lock."""
    found: dict[str, int] = {}
    current = ""
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if pin := re.match(r"([a-z0-9][a-z0-9.-]*)==[0-9][^ ]*", line):
            current = pin[1]
            found.setdefault(current, 0)
        elif line.strip().startswith("--hash=sha256:"):
            found[current] += 1
        else:
            pytest.fail(f"{name}: a line that is neither a pin nor a hash: {line}")
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_is_a_pin_with_hashes(name: str) -> None:
    pins = locked(name)
    assert pins and all(count >= 1 for count in pins.values())


def test_the_runtime_lock_holds_all_dependencies_and_nothing_heavy() -> None:
    pins = set(locked("requirements.txt"))
    wanted = {re.split(r"[<>=;\[ ]", line)[0] for line in project()["project"]["dependencies"]}
    assert wanted <= pins
    assert not pins & UNWANTED


@functools.cache
def imported_distributions() -> set[str]:
    """Distributions that the product imports by itself."""
    owners = importlib.metadata.packages_distributions()
    roots = {name.split(".")[0] for path in (ROOT / "src").rglob("*.py") for name in imported(path)}
    foreign = {root for root in roots if root not in sys.stdlib_module_names} - {"sam_mask_service"}
    return {owner.lower().replace("_", "-") for root in foreign for owner in owners.get(root, [root])}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="packages_distributions() misses wheels without top_level.txt")
def test_everything_imported_is_declared_and_everything_declared_is_used() -> None:
    declared = {re.split(r"[<>=;\[ ]", line)[0] for line in project()["project"]["dependencies"]}
    extras = {line for lines in project()["project"]["optional-dependencies"].values() for line in lines}
    assert imported_distributions() <= declared | {re.split(r"[<>=;\[ ]", line)[0] for line in extras}
    assert declared - imported_distributions() <= {"httpx"}, "imported by the client alone"


def test_the_development_lock_contains_the_runtime_lock() -> None:
    assert set(locked("requirements.txt")) <= set(locked("requirements-dev.txt"))


def test_the_image_has_the_extras_that_deploy_wants() -> None:
    more = set(locked("requirements-image.txt")) - set(locked("requirements.txt"))
    assert {"redis", "taskiq", "taskiq-redis"} <= more <= {"redis", "async-timeout"} | TASKIQ
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "-r requirements-image.txt" in dockerfile
    assert "!requirements-image.txt" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_the_version_stands_in_one_place() -> None:
    table = project()
    assert "version" not in table["project"] and table["project"]["dynamic"] == ["version"]
    source = (ROOT / table["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
    assert f'__version__ = "{sam_mask_service.__version__}"' in source
    assert (ROOT / "src" / "sam_mask_service" / "py.typed").is_file()


def test_every_dependency_has_a_lower_bound_and_none_an_upper_one() -> None:
    for line in project()["project"]["dependencies"]:
        requirement = Requirement(line)
        operators = {bound.operator for bound in requirement.specifier}
        assert operators == {">="}, line


def test_openvino_reports_to_nobody(tmp_path: Path) -> None:
    """A plain `pip install` brings openvino-telemetry; importing it would end this program."""
    (tmp_path / "openvino_telemetry").mkdir()
    (tmp_path / "openvino_telemetry" / "__init__.py").write_text("raise SystemExit('reported')", encoding="utf-8")
    program = "import sam_mask_service, openvino, openvino.tools.ovc as ovc; print(ovc.telemetry_utils.tm.__name__)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=240)
    assert done.stdout.strip() == "openvino.tools.ovc.telemetry_stub", done.stderr


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "PYTHON"))}
    return subprocess.run(
        [shutil.which("make") or "make", "-C", str(ROOT), *arguments],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="make is absent")
def test_a_python_shim_that_fails_is_passed_over(tmp_path: Path) -> None:
    bodies = {"python3.12": "echo 'command not found' >&2; exit 127", "python3.11": f'exec "{sys.executable}" "$@"'}
    for name, body in bodies.items():
        shim = tmp_path / name
        shim.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    answer = make("--eval", "print: ; @echo $(PYTHON)", "-s", "print", PATH=f"{tmp_path}:/usr/bin:/bin")
    assert answer.stdout.splitlines()[-1] == str(tmp_path / "python3.11")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is absent")
@pytest.mark.parametrize("minor", [10, 13, 14])
def test_any_promised_python_is_found(tmp_path: Path, minor: int) -> None:
    shim = tmp_path / f"python3.{minor}"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    answer = make("--eval", "print: ; @echo $(PYTHON)", "-s", "print", PATH=str(tmp_path))
    assert answer.stdout.splitlines()[-1] == str(shim)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is absent")
def test_no_python_is_said_in_a_sentence(tmp_path: Path) -> None:
    answer = make(f"VENV={tmp_path}/venv", "PYTHON=", f"{tmp_path}/venv/bin/python")
    assert answer.returncode != 0
    assert "python3-venv" in answer.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is absent")
def test_a_python_that_is_none_of_those_promised_is_named(tmp_path: Path) -> None:
    answer = make(f"VENV={tmp_path}/venv", "PYTHON=/bin/false", f"{tmp_path}/venv/bin/python")
    assert answer.returncode != 0 and "/bin/false is no CPython 3.10-3.14" in answer.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is absent")
def test_an_index_out_of_reach_is_said_in_one_line(tmp_path: Path) -> None:
    nothing = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}
    answer = make(
        f"TOOLS={tmp_path}/tools",
        f"PYTHON={sys.executable}",
        f"{tmp_path}/tools/bin/uv",
        **nothing,
        PIP_CONFIG_FILE=os.devnull,
    )
    said = [line for line in answer.stderr.splitlines() if line.startswith("set-up: ")]
    assert answer.returncode != 0 and len(said) == 1 and "uv==" in said[0] and "PIP_INDEX_URL" in said[0]


INSTALLERS = {("brew", "install"), ("sudo", "apt-get")}
"""Of programs that are no package of Python's."""


def commands(workflow: Path) -> list[str]:
    steps = [step for job in yaml.safe_load(workflow.read_text())["jobs"].values() for step in job["steps"]]
    return [step["run"] for step in steps if "run" in step]


@pytest.mark.parametrize("workflow", sorted((ROOT / ".github" / "workflows").glob("*.yaml")), ids=lambda p: p.stem)
def test_workflows_call_make_targets_that_there_are(workflow: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for command in commands(workflow):
        program, target, *_ = command.split()
        assert (program, target) in INSTALLERS or (program == "make" and target in targets), command


def test_every_promised_python_is_tried() -> None:
    tried = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yaml").read_text())
    pythons = tried["jobs"]["test"]["strategy"]["matrix"]["python"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(project()["project"]["classifiers"]))
    check = (ROOT / "scripts" / "lock_check.sh").read_text(encoding="utf-8")
    assert pythons == named == re.findall(r"3\.\d+", check.partition("for python in")[2].partition(";")[0])
    assert project()["project"]["requires-python"] == f">={named[0]},<3.{int(named[-1][2:]) + 1}"


def test_ci_runs_tests_and_lint() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert {"make test", "make lint"} <= set(re.findall(r"make \w+", script.read_text(encoding="utf-8")))


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def last_stage() -> list[tuple[str, str]]:
    rows = instructions()
    start = max(i for i, (word, _) in enumerate(rows) if word == "FROM")
    return rows[start:]


def test_the_image_runs_the_seeds_command_as_nobody_special() -> None:
    stage = last_stage()
    words = dict(stage)
    assert yaml.safe_load(words["CMD"]) == shlex.split(SEED_COMMAND)
    assert words["USER"] == "10001"
    assert "/health" in words["HEALTHCHECK"]
    commands = " ".join(text for word, text in stage if word == "RUN")
    assert not re.search(r"apt|gcc|make|pip", commands)


def test_the_image_says_what_it_is_and_is_bound_to_no_processor() -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', dict(last_stage())["LABEL"]))
    table = project()["project"]
    assert (labels["title"], labels["licenses"]) == (table["name"], table["license"])
    assert labels["source"] == labels["url"] == table["urls"]["Homepage"]
    assert (labels["version"], labels["revision"]) == ("$VERSION", "$REVISION")
    assert all("--platform" not in text for word, text in instructions() if word == "FROM")
    assert not re.search(r"amd64|x86_64|aarch64", " ".join(text for _, text in instructions()))


def test_the_build_context_holds_what_the_image_copies() -> None:
    kept = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    rows = [text.split()[:-1] for word, text in instructions() if word == "COPY" and "--from" not in text]
    copied = {name for names in rows for name in names}
    assert copied == kept
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.gpu"])
def test_the_dockerfile_has_no_lint(name: str) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None
    answer = subprocess.run([hadolint, str(ROOT / name)], capture_output=True, text=True, timeout=240)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("name", ["docker-compose.yaml", "docker-compose.gpu.yaml"])
def test_the_compose_file_fits_its_schema(name: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    answer = subprocess.run([*command, str(ROOT / name)], capture_output=True, text=True, timeout=240)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_compose_file_grants_next_to_nothing() -> None:
    service = compose()["services"]["sam-mask-service"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["env_file"] == [{"path": ".env", "required": False}]
    assert "privileged" not in service and "cap_add" not in service
    assert set(service["deploy"]["resources"]["limits"]) == {"memory", "cpus", "pids"}
    assert service["ports"][0].endswith(":8739:8739")
    assert any(volume.startswith("models:") for volume in service["volumes"])
    assert "/health" in service["healthcheck"]["test"][-1]
