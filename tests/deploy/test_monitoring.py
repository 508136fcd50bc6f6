"""deploy/monitoring: what dashboard and alerts ask for is what /metrics gives; promtool judges the rules."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ..support.scene import service
from ..support.wire import REPO, Client

MONITORING = REPO / "deploy" / "monitoring"
PROMTOOL = shutil.which("promtool")
PARTS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
_NAME = re.compile(r"\b((?:sam_mask|process)_\w+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r'(\w+)\s*=~?\s*"')
SCRAPED = {"job", "instance", "le", "namespace", "pod"}
"""Labels that Prometheus adds, and a bucket's own."""


def given(tmp_path: Path) -> dict[str, set[str]]:
    """Each series of /metrics with its labels."""
    with contextlib.closing(Client(service(tmp_path))) as client:
        text = client.get("/metrics").text
        collectors = client.app.state.metrics.registry._collector_to_names
    labels = {each._name: set(each._labelnames) for each in collectors if hasattr(each, "_labelnames")}
    return {
        family.name + part: labels.get(family.name, set())
        for family in text_string_to_metric_families(text)
        for part in PARTS[family.type]
    }


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    return list(group["rules"])


def dashboard() -> dict[str, Any]:
    return dict(json.loads((MONITORING / "dashboard.json").read_text()))


def asked() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in dashboard()["panels"] for target in panel["targets"])
    yield from (each["query"] for each in dashboard()["templating"]["list"])
    yield (REPO / "deploy" / "helm" / "sam-mask" / "templates" / "scaling.yaml").read_text()


def test_everything_asked_for_is_given(tmp_path: Path) -> None:
    there = given(tmp_path)
    found = [match for text in asked() for match in _NAME.finditer(text)]
    assert len({match[1] for match in found}) > 15
    for match in found:
        assert match[1] in there, match[1]
        assert set(_LABEL.findall(match[2] or "")) <= there[match[1]] | SCRAPED, match[0]


def test_the_dashboard_is_whole() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)


def test_every_alert_is_tested() -> None:
    tests = yaml.safe_load((MONITORING / "alerts.test.yaml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert fired == {rule["alert"] for rule in rules()}


@pytest.mark.skipif(not PROMTOOL, reason="there is no promtool here")
@pytest.mark.parametrize("words", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts.test.yaml")])
def test_promtool(words: tuple[str, ...]) -> None:
    done = subprocess.run([str(PROMTOOL), *words], cwd=MONITORING, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "SUCCESS" in done.stdout, done.stdout + done.stderr
