"""deploy/docker-compose.replicas.yaml fits the nginx before it and the settings behind it."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import yaml

from sam_mask_service.settings import Settings

from ..support.nginx import CONFIG
from ..support.wire import REPO

COMPOSE: dict[str, Any] = yaml.safe_load((REPO / "deploy" / "docker-compose.replicas.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
NAMED = re.findall(r"^server ([a-z0-9-]+):8739 max_conns=(\d+)", (CONFIG / "replicas.conf").read_text(), re.MULTILINE)


def test_nginx_names_every_replica_and_fills_none_beyond_its_places() -> None:
    replicas = {name for name, each in SERVICES.items() if "SAM_QUEUE" in each.get("environment", {})}
    assert {name for name, _ in NAMED} == replicas and len(replicas) == 3
    for name, most in NAMED:
        own = SERVICES[name]["environment"]
        assert int(most) == own["SAM_WORKERS"] + own["SAM_QUEUE"]
        assert set(own) <= {f"SAM_{field.upper()}" for field in Settings.model_fields}


def test_replicas_believe_the_balancers_network_and_keep_their_addresses_in_it() -> None:
    network = COMPOSE["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    addresses = [SERVICES[name]["networks"]["inside"]["ipv4_address"] for name, _ in NAMED]
    assert len(set(addresses)) == 3
    assert all(ipaddress.ip_address(each) in ipaddress.ip_network(network) for each in addresses)
    assert {SERVICES[name]["environment"]["SAM_TRUSTED_PROXIES"] for name, _ in NAMED} == {network}


def test_replicas_can_do_no_more_than_the_single_service() -> None:
    alone = yaml.safe_load((REPO / "docker-compose.yaml").read_text())["services"]["sam-mask-service"]
    for name, _ in NAMED:
        for field in ("read_only", "cap_drop", "security_opt", "stop_grace_period"):
            assert SERVICES[name][field] == alone[field]
        assert "ports" not in SERVICES[name], "reached through nginx alone"
    for store in ("images", "jobs"):
        assert "ports" not in SERVICES[store] and SERVICES[store]["read_only"]


def test_jobs_are_on_a_disk_and_never_thrown_out() -> None:
    line = [str(word) for word in SERVICES["jobs"]["command"]]
    assert line[line.index("--appendonly") + 1] == "yes" and "--maxmemory-policy" not in line, "noeviction by default"
    assert SERVICES["jobs"]["volumes"] == ["jobs:/data"] and "jobs" in COMPOSE["volumes"]
    for name, _ in NAMED:
        assert SERVICES[name]["environment"]["SAM_JOBS_URL"] == "redis://jobs:6379/0"


def test_the_single_service_has_a_volume_for_jobs() -> None:
    alone = yaml.safe_load((REPO / "docker-compose.yaml").read_text())
    assert "jobs:/app/jobs" in alone["services"]["sam-mask-service"]["volumes"] and "jobs" in alone["volumes"]
    assert "/app/jobs" in (REPO / "Dockerfile").read_text()
    assert "#SAM_JOBS_DIR=/app/jobs" in (REPO / ".env.example").read_text()
