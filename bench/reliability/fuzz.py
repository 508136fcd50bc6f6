"""Hostile inputs by the thousand: ``make fuzz``. A finding is printed with the seed that makes it again, and the exit
code is 1.

In this process: mutated pictures into the decoder, mutated checkpoints into their reader, made-up URLs into the guard,
made-up values into the parameters, made-up bodies into the JSON and form readers. Then schemathesis against the schema
of a started server. Everything found once stays as a case in ``tests/``.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.reliability.fuzz_pictures import SEEDED, Report, fuzz_ballast, fuzz_pictures, fuzz_structure, mutant, torture
from bench.reliability.mutants import STRUCTURED
from bench.started import started
from sam_mask_service.doors.netguard import UrlPolicy, check_address, check_url, parse_address
from sam_mask_service.http.json_body import parse_json
from sam_mask_service.http.multipart import parse_form
from sam_mask_service.limits import BODY
from sam_mask_service.params import MaskParams, parse
from sam_mask_service.sam.checkpoint import read_state


def small_checkpoint() -> bytes:
    """A torch archive of one tensor, as its format has it."""
    out = io.BytesIO()
    pickle = (
        b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x01\x00\x00\x00aq\x02ctorch._utils\n_rebuild_tensor_v2\nq\x03"
        b"((X\x07\x00\x00\x00storageq\x04ctorch\nFloatStorage\nq\x05X\x01\x00\x00\x000q\x06X\x03\x00\x00\x00cpuq\x07K\x04tq\x08Q"
        b"K\x00K\x02K\x02\x86q\tK\x02K\x01\x86q\n\x89h\x00)Rq\x0btq\x0cRq\rs."
    )
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/data.pkl", pickle)
        archive.writestr("a/byteorder", b"little")
        archive.writestr("a/data/0", b"\0" * 16)
        archive.writestr("a/version", b"3\n")
    return out.getvalue()


def fuzz_checkpoints(count: int) -> Report:
    report, seeds = Report("checkpoints"), [small_checkpoint()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.pth")
        for seed in range(count):
            path.write_bytes(mutant(random.Random(seed), seeds) if seed else seeds[0])  # noqa: S311
            with path.open("rb") as file:
                report.run(seed, partial(read_state, file))
    if not report.outcomes["taken"]:
        report.findings.append("the unchanged checkpoint was not read")
    return report


URL_PARTS = (
    "http://", "https://", "HTTP:", "//", "@", ":", "80", "443", "22", "/", "\\", "#", "?", "%", "%00", ".", "..",
    "[", "]", "::1",
    "127.0.0.1", "0x7f", "0177", "localhost", "example.com", "８", "。", "\t", "\r\n", "\0", " ", "ⓛ", "\ud800", "xn--",
    "[::ffff:",
)  # fmt: skip


def fuzz_urls(count: int) -> Report:
    report, policy = Report("urls"), UrlPolicy()

    def judge(url: str) -> None:
        target = check_url(url, policy)
        assert target.port in (80, 443) and target.authority.isascii() and "@" not in target.authority
        assert not any(ch in target.authority + target.path for ch in " \r\n\t\0\\")
        if target.literal is not None:
            check_address(parse_address(target.host), target.port, policy)

    for seed in range(count):
        chance = random.Random(seed)  # noqa: S311
        url = "".join(chance.choice(URL_PARTS) for _ in range(chance.randint(1, 8)))
        report.run(seed, partial(judge, chance.choice(("", "http://")) + url))
    return report


VALUES: tuple[object, ...] = (
    None, True, False, 0, 1, -1, 2**70, 1.5, 1e308, "", "first", "face", "true", "1", "nan", "1e9", "\ud800", "\0",
    "x" * 5000,
    [], [0], [[]], {}, {"a": 1}, "[0, 1]", "0,1", "[" * 50,
)  # fmt: skip


def fuzz_parameters(count: int) -> Report:
    report, names = Report("parameters"), [*MaskParams.model_fields, "x", "\ud800", "__class__"]
    for seed in range(count):
        chance = random.Random(seed)  # noqa: S311
        values = {chance.choice(names): chance.choice(VALUES) for _ in range(chance.randint(0, 5))}
        textual = chance.random() < 0.5
        report.run(seed, partial(parse, MaskParams, values, textual=textual))
    return report


def fuzz_bodies(count: int) -> Report:
    report = Report("bodies")
    texts = [b'{"a": 1, "b": [1.5, true, null, "x\\u0041"]}', b'{"a": {"b": {}}, "c": -1e5}']
    form = (
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\nContent-Type: '
        b"image/png\r\n\r\nxyz\r\n--b--\r\n"
    )
    for seed in range(count):
        chance = random.Random(seed)  # noqa: S311
        text, sent = mutant(chance, texts), mutant(chance, [form, form + form])
        size = chance.randint(1, 40)
        report.run(seed, partial(parse_json, text, 40))
        pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
        report.run(seed, partial(parse_form, pieces, "b", BODY))
    return report


def schema_cases(seconds: int) -> Report:
    """schemathesis: whatever the schema allows, and what it does not, must give no 5xx and no unwritten status."""
    report = Report("schemathesis")
    tool = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if tool is None:
        report.findings.append("schemathesis is not installed")
        return report
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    with started(engine="mesh", log_level="warning") as server, tempfile.TemporaryDirectory() as folder:
        # Its stateful phase ended in an error of its own data generation; the others make the cases.
        phases = ["--phases", "examples,coverage,fuzzing"]
        line = [
            tool,
            "run",
            f"{server.url}/openapi.json",
            "--checks",
            checks,
            *phases,
            "--max-time",
            str(seconds),
            "--no-color",
        ]
        done = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    counted = re.search(r"(\d+) generated", done.stdout)
    report.outcomes["cases"] = int(counted[1]) if counted else 0
    if counted is None:
        report.findings.append("schemathesis did not say how many cases it made")
    if done.returncode != 0:
        report.findings.append(done.stdout[-20000:])
    return report


def _print(report: Report) -> None:
    print(report.line(), flush=True)
    for finding in report.findings[:10]:
        print(f"     {finding}")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--count", type=int, default=10_000, help="inputs of each kind")
    options.add_argument("--seconds", type=int, default=120, help="time of schemathesis; 0 leaves it out")
    options.add_argument(
        "--only", action="append", help="a target (png, jpeg-structure, torture, …; may stand several times)"
    )
    options.add_argument("--json", type=Path, help="also write the counts there")
    chosen = options.parse_args()
    targets: dict[str, Callable[[], Report]] = {
        **{kind.lower(): partial(fuzz_pictures, kind, chosen.count) for kind in SEEDED},
        "ballast": partial(fuzz_ballast, max(1, chosen.count // 50)),
        **{f"{kind.lower()}-structure": partial(fuzz_structure, kind, chosen.count) for kind in STRUCTURED},
        "torture": torture,
        "checkpoints": partial(fuzz_checkpoints, chosen.count),
        "urls": partial(fuzz_urls, chosen.count),
        "parameters": partial(fuzz_parameters, chosen.count),
        "bodies": partial(fuzz_bodies, chosen.count),
        **({"schema": partial(schema_cases, chosen.seconds)} if chosen.seconds else {}),
    }
    reports = []
    for name, run in targets.items():
        if not chosen.only or name in chosen.only:
            reports.append(run())
            _print(reports[-1])
    if chosen.json:
        rows = [{"name": r.name, "outcomes": r.outcomes, "slowest": r.slowest, "findings": r.findings} for r in reports]
        chosen.json.write_text(json.dumps(rows, indent=1))
    return 1 if any(report.findings for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
