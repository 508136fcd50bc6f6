"""deploy/helm: linted and rendered by helm, judged by Kubernetes' own schemas, and its settings by ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import kubernetes_validate
import pytest
import yaml

from sam_mask_service import __version__
from sam_mask_service.settings import Settings

from ..support.wire import REPO

HELM = shutil.which("helm")
CHART = REPO / "deploy" / "helm" / "sam-mask"
KUBERNETES = ("1.27", "1.31", "1.35")
SECRETS = ("SAM_API_KEY", "SAM_IMAGES_URL", "SAM_JOBS_URL", "SAM_WEBHOOK_SECRET")
NOT_OURS = {"ScaledObject"}
"""Kinds that Kubernetes' schemas do not have: KEDA's."""
CASES: dict[str, list[str]] = {
    "plain": [],
    "gpu": ["-f", str(CHART / "values-gpu.yaml")],
    "closed": [
        "--set",
        "urlInput=false,apiKey.value=0123456789abcdef,networkPolicy.from[0].podSelector.matchLabels.a=b",
    ],
    "shared": ["--set", "images.url=redis://:pw@store:6379/0,urlInput=false,ingress.enabled=true"],
    "edge": ["--set", "ingress.enabled=true,ingress.tlsSecret=tls,trustedProxies={10.0.0.0/8,::1}"],
    "own secrets": ["--set", "apiKey.existingSecret=mine,images.existingSecret=mine,disruption.maxUnavailable=50%"],
    "jobs": ["--set", "jobs.url=redis://:pw@store:6379/1,webhookSecret.value=0123456789abcdef,urlInput=false"],
    "jobs on a volume": ["--set", "jobs.claim=mine,autoscaling.enabled=false,replicas=1,urlInput=false"],
    "bare": [
        "--set",
        "autoscaling.enabled=false,networkPolicy.enabled=false,disruption.enabled=false,podAnnotations=null",
    ],
}
HERE = pytest.mark.skipif(not HELM, reason="there is no helm here")
EACH = pytest.mark.parametrize("case", CASES)
Objects = list[dict[str, Any]]


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HELM), *words], capture_output=True, text=True, timeout=60)


def rendered(case: str) -> Objects:
    done = helm("template", "masks", str(CHART), "--namespace", "faces", *CASES[case])
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def of_kind(objects: Objects, kind: str) -> Any:
    [found] = [each for each in objects if each["kind"] == kind]
    return found


def container(objects: Objects) -> Any:
    return of_kind(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]


def environment(objects: Objects) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container(objects)["env"]}


@HERE
@EACH
def test_helm_finds_nothing(case: str) -> None:
    done = helm("lint", "--strict", str(CHART), *CASES[case])
    assert done.returncode == 0, done.stdout


@HERE
@EACH
def test_kubernetes_takes_it(case: str) -> None:
    for each in rendered(case):
        for version in KUBERNETES if each["kind"] not in NOT_OURS else ():
            kubernetes_validate.validate(each, version, strict=True)


@HERE
def test_the_schemas_are_looked_at() -> None:
    broken = container(objects := rendered("plain"))
    broken["readOnly"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(of_kind(objects, "Deployment"), KUBERNETES[0], strict=True)


@HERE
@EACH
def test_every_setting_is_one_of_ours_and_no_secret_is_written_out(case: str) -> None:
    objects = rendered(case)
    known = {f"SAM_{name.upper()}" for name in Settings.model_fields}
    assert set(environment(objects)) <= known
    assert all(isinstance(environment(objects).get(name, {}), dict) for name in SECRETS)
    assert "0123456789abcdef" not in json.dumps([each for each in objects if each["kind"] != "Secret"])


@HERE
@EACH
def test_pods_can_do_nothing_that_they_need_not(case: str) -> None:
    pod = of_kind(rendered(case), "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    grace = 5 + Settings.model_fields["grace_seconds"].default
    assert pod["terminationGracePeriodSeconds"] >= grace + 10


@HERE
@pytest.mark.parametrize(
    ("case", "ports"),
    [
        ("plain", {53, 80, 443}),
        ("closed", set()),
        ("shared", {53, 6379}),
        ("own secrets", {53, 80, 443, 6379}),
        ("jobs", {53, 6379}),
        ("jobs on a volume", set()),
    ],
)
def test_pods_reach_what_they_must_and_nothing_else(case: str, ports: set[int]) -> None:
    policy = of_kind(rendered(case), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == ports
    blocks = [peer["ipBlock"] for rule in policy["egress"] for peer in rule["to"] if "ipBlock" in peer]
    assert all("169.254.0.0/16" in block["except"] for block in blocks if block["cidr"] == "0.0.0.0/0")


@HERE
def test_probes_ask_what_is_meant_for_them() -> None:
    pod = container(rendered("plain"))
    paths = {name: pod[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/health", "liveness": "/health", "readiness": "/ready"}


@HERE
def test_callers_are_sent_back_to_their_pod_only_where_pods_share_nothing() -> None:
    alone = {each["metadata"]["name"]: each for each in rendered("edge") if each["kind"] == "Ingress"}
    by_caller = "nginx.ingress.kubernetes.io/upstream-hash-by"
    assert [name for name, each in alone.items() if by_caller in each["metadata"]["annotations"]] == ["masks-images"]
    paths = [path["path"] for path in alone["masks-images"]["spec"]["rules"][0]["http"]["paths"]]
    assert paths == ["/images", "/composite"]
    assert len([each for each in rendered("shared") if each["kind"] == "Ingress"]) == 2


@HERE
def test_what_must_not_be_done_twice_is_not_sent_to_another_pod() -> None:
    routes = {each["metadata"]["name"]: each for each in rendered("edge") if each["kind"] == "Ingress"}
    again = "nginx.ingress.kubernetes.io/proxy-next-upstream"
    assert "non_idempotent" in routes["masks"]["metadata"]["annotations"][again]
    assert "non_idempotent" not in routes["masks-once"]["metadata"]["annotations"][again]
    paths = [path["path"] for path in routes["masks-once"]["spec"]["rules"][0]["http"]["paths"]]
    assert paths == ["/jobs", "/create_mask_file"]


@HERE
def test_jobs_lie_in_a_store_for_many_or_on_a_volume_for_one() -> None:
    many = rendered("jobs")
    assert environment(many)["SAM_JOBS_URL"]["secretKeyRef"]["key"] == "jobs-url"
    assert set(of_kind(many, "Secret")["stringData"]) == {"jobs-url", "webhook-secret"}
    one = rendered("jobs on a volume")
    pod = of_kind(one, "Deployment")["spec"]
    assert pod["strategy"] == {"type": "Recreate"} and pod["replicas"] == 1
    [volume] = [each for each in pod["template"]["spec"]["volumes"] if each["name"] == "jobs"]
    assert volume["persistentVolumeClaim"] == {"claimName": "mine"}
    [mount] = [each for each in container(one)["volumeMounts"] if each["name"] == "jobs"]
    assert mount["mountPath"] == environment(one)["SAM_JOBS_DIR"]
    assert not {"SAM_JOBS_URL", "SAM_JOBS_DIR", "SAM_WEBHOOK_SECRET"} & set(environment(rendered("plain")))


@HERE
@pytest.mark.parametrize("more", ["replicas=2", "autoscaling.enabled=true", "jobs.url=redis://store"])
def test_a_volume_of_jobs_is_never_shared(more: str) -> None:
    done = helm("template", "masks", str(CHART), *CASES["jobs on a volume"], "--set", more)
    assert done.returncode != 0 and "one pod alone" in done.stderr


@HERE
def test_scaling() -> None:
    hpa = of_kind(rendered("plain"), "HorizontalPodAutoscaler")["spec"]
    assert (hpa["minReplicas"], hpa["maxReplicas"], hpa["scaleTargetRef"]["name"]) == (2, 10, "masks")
    assert "replicas" not in of_kind(rendered("plain"), "Deployment")["spec"], "the autoscaler's to set"
    keda = of_kind(rendered("gpu"), "ScaledObject")
    assert (keda["apiVersion"], keda["spec"]["scaleTargetRef"]) == ("keda.sh/v1alpha1", {"name": "masks"})
    [trigger] = keda["spec"]["triggers"]
    assert trigger["metadata"]["query"] == (
        'sum(sam_mask_at_work{namespace="faces",pod=~"masks-.*"}) + '
        'sum(sam_mask_queue_depth{namespace="faces",pod=~"masks-.*"})'
    )
    assert of_kind(rendered("bare"), "Deployment")["spec"]["replicas"] == 2
    assert not {"ScaledObject", "HorizontalPodAutoscaler"} & {each["kind"] for each in rendered("bare")}


@HERE
@pytest.mark.parametrize(
    "wrong",
    [
        "apiKey.value=short",
        "images.url=memory",
        "autoscaling.kind=other",
        "replicas=0",
        "settings.SAM_API_KEY=x",
        "settings.SAM_JOBS_URL=redis://store",
        "jobs.url=store",
        "webhookSecret.value=short",
        "no=1",
    ],
)
def test_values_that_are_wrong_are_refused_by_name(wrong: str) -> None:
    done = helm("template", "masks", str(CHART), "--set-string" if "settings" in wrong else "--set", wrong)
    assert done.returncode != 0 and "schema" in done.stderr


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", chart["version"])
