"""The files under `deploy/`: against their schemas, and their commands against the programs."""

import json
import os
import re
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray
import yaml
from typer.main import get_command

from search.cli.main import app

DEPLOY = Path(__file__).parents[1] / "deploy"
LAUNCHER, KUBERAY = DEPLOY / "ray-cluster.yaml", DEPLOY / "kuberay-rayjob.yaml"
COMPOSE, SLURM = DEPLOY / "compose.yaml", DEPLOY / "slurm.sh"


def documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text()))


def test_each_file_is_tested_here() -> None:
    assert set(DEPLOY.iterdir()) == {LAUNCHER, KUBERAY, COMPOSE, SLURM}


def commands(path: Path, program: str) -> list[list[str]]:
    """The words behind each call of a program, comments too: continued lines are put together, and
    each variable is 1.
    """
    text = re.sub(r"\\\n(#\s*)?", " ", path.read_text())
    if path == KUBERAY:
        text = next(one["spec"]["entrypoint"] for one in documents(path) if one["kind"] == "RayJob")
    text = re.sub(r'"\$@"|"\$\{@:2\}"', "", text.replace("\\$", "$"))
    text = re.sub(r"\$\{[^}]*\}|\$\w+", "1", text)
    calls = re.findall(rf"(?<![-\w`]){program} ([^&\n]*)", text)
    return [
        shlex.split(re.sub(r"""["']\s*$""", "", call) if call.count('"') % 2 else call)
        for call in (one.rstrip("'") for one in calls)
    ]


@pytest.mark.parametrize("path", [LAUNCHER, KUBERAY, COMPOSE, SLURM], ids=lambda path: path.name)
def test_the_search_has_each_option(path: Path) -> None:
    search = get_command(app).commands["search"]  # type: ignore[attr-defined]
    calls = commands(path, "sedn search")
    assert calls
    for words in calls:
        if "--name" not in words:
            words = [*words, "--name", "spring"]
        search.make_context("search", words)


@pytest.mark.parametrize("path", [LAUNCHER, COMPOSE, SLURM], ids=lambda path: path.name)
@pytest.mark.filterwarnings("ignore")
def test_ray_has_each_option(path: Path) -> None:
    from ray.scripts.scripts import start as ray_start

    calls = commands(path, "ray start")
    assert len(calls) >= 1
    for words in calls:
        ray_start.make_context("start", words)


def test_the_launchers_file_fits_rays_schema() -> None:
    (config,) = documents(LAUNCHER)
    schema = Path(ray.__file__).parent / "autoscaler" / "ray-schema.json"
    jsonschema.validate(config, json.loads(schema.read_text()))
    assert config["head_node_type"] in config["available_node_types"]
    assert config["available_node_types"]["head"]["resources"]["CPU"] == 0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**config, "no_such_field": 1}, json.loads(schema.read_text()))


def test_the_job_of_kuberay_names_what_is_there() -> None:
    """KubeRay's own schema is none that a package here has: this looks at the structure."""
    of_kind = {one["kind"]: one for one in documents(KUBERAY)}
    assert of_kind.keys() == {"Service", "StatefulSet", "RayJob"}
    job = of_kind["RayJob"]
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == ray.__version__
    assert cluster["enableInTreeAutoscaling"] is True
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        # KubeRay takes these as text.
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod = group["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
            resources = container["resources"]
            assert resources["requests"] == resources["limits"]
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        assert "PGPASSWORD" not in json.dumps(group), "no worker gets the password"
    service = of_kind["Service"]
    labels = of_kind["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels
    assert f"@{service['metadata']['name']}/" in job["spec"]["entrypoint"]


def test_the_compose_file_names_what_is_there() -> None:
    """Compose's own schema is none that a package here has: this looks at the structure."""
    (config,) = documents(COMPOSE)
    services, volumes = config["services"], config["volumes"]
    for service in services.values():
        assert set(service.get("depends_on", [])) <= services.keys()
        named = {one.split(":")[0] for one in service["volumes"] if not one.startswith("${")}
        assert named <= volumes.keys()
    assert "SEDN_STORE" not in services["worker"]["environment"], "no worker gets the password"


def test_the_script_of_slurm_is_bash() -> None:
    subprocess.run(["bash", "-n", SLURM], check=True)


STAND_INS = {
    "scontrol": "printf 'a\\nb\\nc\\n'",
    "srun": 'while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
    "ray": 'echo "ray $*${SEDN_STORE:+ and the password}" >> "$LOG"; '
    '[ "$1" = health-check ] || exec sleep 30',
    "sedn": 'echo "$SEDN_STORE: sedn $*" >> "$LOG"; '
    'trap "echo stopped >> \\"$LOG\\"; exit 130" TERM; '
    "i=0; while [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done",
}
"""No Slurm runs here: programs of the same names write down how they are called."""


def test_the_script_of_slurm_starts_all_nodes_and_hands_on_the_signal(tmp_path: Path) -> None:
    for name, body in STAND_INS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    log = tmp_path / "log"
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "LOG": str(log),
        "SEDN_STORE": "postgresql+psycopg://db/sedn",
        "SLURM_JOB_NODELIST": "[a-c]",
        "SLURM_JOB_ID": "4711",
        "SLURM_CPUS_PER_TASK": "16",
    }
    job = subprocess.Popen(
        ["bash", SLURM, "--name", "two words"], env=environment, start_new_session=True
    )
    try:
        for _ in range(100):
            if log.is_file() and "sedn search" in log.read_text():
                break
            wait_for(job, 0.1)
        job.send_signal(signal.SIGTERM)
        assert job.wait(20) == 130
    finally:
        end_group(job)
    lines = log.read_text().splitlines()
    heads = [line for line in lines if line.startswith("ray start") and "--head" in line]
    others = [line for line in lines if line.startswith("ray start") and "--head" not in line]
    assert len(heads) == 1
    assert others == ["ray start --block --num-cpus=16 --address=a:24711"] * 2
    assert not [line for line in (*heads, *others) if "password" in line]
    (search,) = [line for line in lines if "sedn search" in line]
    store, _, search = search.partition(": ")
    assert store == "postgresql+psycopg://db/sedn"
    assert search.startswith("sedn search --address a:24711 --storage-path ")
    assert search.endswith("--name two words")
    assert lines[-1] == "stopped"


def wait_for(job: subprocess.Popen, seconds: float) -> None:
    try:
        job.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def end_group(job: subprocess.Popen) -> None:
    """End what the job has started and left."""
    try:
        os.killpg(job.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
