"""``deploy/`` as far as one machine can tell: no cluster is here, so schemas and parsers judge."""

import shlex
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pytest
import ray
import yaml
from dagster._cli.api import grpc_health_check_command
from dagster._cli.code_server import start_command
from dagster._core.instance.config import dagster_instance_config
from dagster._core.instance.ref import InstanceRef
from dagster._core.workspace.config_schema import ensure_workspace_config
from dagster._daemon.cli import run_command
from dagster_ray.kuberay.configs import RayClusterSpec, RayJobSpec
from dagster_webserver.cli import dagster_webserver
from jsonschema import Draft202012Validator

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
KUBERNETES = "1.37.0"
COMMANDS = {
    "dagster-webserver": dagster_webserver,
    "dagster-daemon run": run_command,
    "dagster code-server start": start_command,
    "dagster api grpc-health-check": grpc_health_check_command,
}

_WHOLE = {"type": "integer", "minimum": 0}
_PARAMETERS = {"type": "object", "additionalProperties": {"type": "string"}}
GROUP = {
    "type": "object",
    "properties": {"rayStartParams": _PARAMETERS, "template": {"type": "object"}},
    "required": ["rayStartParams", "template"],
    "unevaluatedProperties": False,
}
HEAD = {
    "allOf": [{"properties": {"serviceType": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]}}}],
    **GROUP,
}
WORKERS = {
    "allOf": [
        {
            "properties": {
                "groupName": {"type": "string"},
                **dict.fromkeys(("replicas", "minReplicas", "maxReplicas"), _WHOLE),
            },
            "required": ["groupName", "minReplicas", "maxReplicas"],
        }
    ],
    **GROUP,
}
"""The groups of KubeRay's RayCluster (ray-operator/apis/ray/v1/raycluster_types.go), of which
dagster-ray has no models."""


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for each in yaml.safe_load_all(path.read_text()):
            yield f"{path.stem}: {each['kind']} {each['metadata']['name']}", each


DOCUMENTS = dict(documents())


def known(model: Any, given: dict[str, Any]) -> None:
    """The fields of a resource by dagster-ray's model of it, which lets unknown ones pass."""
    names = {name: name.replace("_yaml", "YAML") for name in model.model_fields}
    camel = {
        head + "".join(word[:1].upper() + word[1:] for word in rest): name
        for name, (head, *rest) in ((name, each.split("_")) for name, each in names.items())
    }
    unknown = set(given) - set(camel) - {"entrypoint"}
    assert not unknown, f"{model.__name__} has no {unknown}"
    model.model_validate({camel[name]: value for name, value in given.items() if name in camel})


def check_cluster(spec: dict[str, Any]) -> None:
    known(RayClusterSpec, {k: v for k, v in spec.items() if k != "authOptions"})
    assert spec["authOptions"] == {"mode": "token", "secretName": "midtrain-ray"}
    groups = [
        (HEAD, spec["headGroupSpec"]),
        *((WORKERS, each) for each in spec["workerGroupSpecs"]),
    ]
    for schema, group in groups:
        Draft202012Validator(schema).validate(group)
        metadata = {"name": "pod", **group["template"].get("metadata", {})}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
        kubernetes_validate.validate(pod | {"spec": group["template"]["spec"]}, KUBERNETES, True)
    assert spec["rayVersion"] == ray.__version__


def check(document: dict[str, Any]) -> None:
    match document:
        case {"apiVersion": "ray.io/v1", "kind": "RayCluster", "spec": spec}:
            check_cluster(spec)
        case {"apiVersion": "ray.io/v1", "kind": "RayJob", "spec": spec}:
            known(RayJobSpec, {k: v for k, v in spec.items() if k != "rayClusterSpec"})
            check_cluster(spec["rayClusterSpec"])
        case _:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_manifest_has_the_fields_of_its_kind(name: str) -> None:
    check(DOCUMENTS[name])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("raycluster: RayCluster midtrain", "spec.autoscaling"),
        ("raycluster: RayCluster midtrain", "spec.headGroupSpec.rayStartParam"),
        ("raycluster: RayCluster midtrain", "spec.workerGroupSpecs.0.minimumReplicas"),
        ("raycluster: RayCluster midtrain", "spec.workerGroupSpecs.0.template.spec.container"),
        ("rayjob: RayJob midtrain-demo", "spec.backOffLimit"),
        ("rayjob: RayJob midtrain-demo", "spec.rayClusterSpec.headGroupSpec.template.spec.image"),
        ("dagster: Deployment midtrain-code", "spec.template.spec.containers.0.environment"),
    ],
)
def test_misspelt_field_of_a_manifest_is_found(name: str, path: str) -> None:
    """What judges the manifests does judge."""
    document = yaml.safe_load(yaml.safe_dump(DOCUMENTS[name]))
    *way, last = path.split(".")
    node: Any = document
    for step in way:
        node = node[int(step)] if step.isdigit() else node[step]
    node[last] = {}
    with pytest.raises(Exception, match=last):
        check(document)


def containers(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield from node.get("containers", ())
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from containers(each)


def pods(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "containers" in node:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from pods(each)


def test_no_pod_runs_as_root_or_may_become_it() -> None:
    found = [pod for each in DOCUMENTS.values() for pod in pods(each)]
    assert len(found) == 7
    for pod in found:
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"]
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["image"].startswith("registry.example/midtrain:")


def test_job_of_a_cluster_is_the_command_that_is_submitted() -> None:
    from jobs import submitted

    (entrypoint,) = (d["spec"]["entrypoint"] for d in DOCUMENTS.values() if d["kind"] == "RayJob")
    change, _, command = entrypoint.partition(" && ")
    assert change == "cd /opt/midtrain"
    program, *arguments = shlex.split(command)
    assert f'"{program}", "-m", "midtrain.job"' in Path(submitted.__file__).read_text()
    assert arguments[:2] == ["-m", "midtrain.job"]
    assert [(REPOSITORY / each).is_file() for each in arguments[2:]] == [True]


def unit(path: Path) -> dict[tuple[str, str], str]:
    parser = RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return {(part, key): value for part in parser.sections() for key, value in parser[part].items()}


def programs() -> dict[str, list[str]]:
    """Every command of Dagster in the manifests and the units, with its arguments."""
    found: dict[str, list[str]] = {}
    for name, document in DOCUMENTS.items():
        for container in containers(document):
            if "args" in container:
                found[f"{name}: {container['name']}"] = container["args"]
            if "readinessProbe" in container and "exec" in container["readinessProbe"]:
                found[f"{name}: probe"] = container["readinessProbe"]["exec"]["command"]
    for path in sorted((DEPLOY / "systemd").glob("*.service")):
        program, *arguments = shlex.split(unit(path)["Service", "ExecStart"])
        assert program.startswith("/opt/midtrain/.venv/bin/")
        found[path.name] = [Path(program).name, *arguments]
    return found


PROGRAMS = programs()


@pytest.mark.parametrize("name", PROGRAMS)
def test_command_of_a_service_parses(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own parser, which refuses options that it does not have."""
    line = " ".join(PROGRAMS[name])
    (called,) = (each for each in COMMANDS if line.startswith(each))
    image = "/opt/dagster/workspace.yaml", str(DEPLOY / "workspace.yaml")
    arguments = [each.replace(*image) for each in PROGRAMS[name][len(called.split()) :]]
    monkeypatch.chdir(REPOSITORY)
    COMMANDS[called].make_context(called, list(arguments))
    with pytest.raises(click.UsageError):
        COMMANDS[called].make_context(called, [*arguments, "--hots=0.0.0.0"])


def test_servers_of_one_machine_are_on_loopback_and_have_their_environment() -> None:
    paths = sorted((DEPLOY / "systemd").glob("*.service"))
    assert [path.stem for path in paths] == [
        "midtrain-code",
        "midtrain-daemon",
        "midtrain-webserver",
    ]
    for path in paths:
        found = unit(path)
        line = found["Service", "ExecStart"]
        assert found["Service", "User"] == "midtrain"
        assert found["Service", "EnvironmentFile"] == "/etc/midtrain/environment"
        assert found["Service", "WorkingDirectory"] == "/opt/midtrain"
        assert "daemon" in path.stem or "--host 127.0.0.1" in line


def environment() -> dict[str, str]:
    lines = (DEPLOY / "systemd" / "environment").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def asked(node: Any) -> set[str]:
    """The variables that a file of Dagster's takes from the environment."""
    if isinstance(node, dict):
        if set(node) == {"env"}:
            return {node["env"]}
        return set().union(*map(asked, node.values()))
    return set().union(*map(asked, node)) if isinstance(node, list) else set()


def test_instance_and_workspace_are_what_dagster_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    settings, _ = dagster_instance_config(str(DEPLOY))
    storage = InstanceRef.from_dir(str(DEPLOY)).storage_data
    assert storage is not None and storage.class_name == "DagsterPostgresStorage"
    workspace = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())
    ensure_workspace_config(workspace, str(DEPLOY / "workspace.yaml"))
    assert asked(settings) | asked(workspace) <= set(environment())


def test_no_file_of_the_deployment_has_a_password() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.suffix != ".lock":
            for line in path.read_text().lower().splitlines():
                if line.lstrip().startswith("#"):
                    continue
                given = line.partition("password")[2].strip(" :=")
                assert given in ("", "change-me") or given.startswith("{env: "), (path, line)
