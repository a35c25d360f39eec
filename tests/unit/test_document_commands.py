"""Every command that a document shows is executed by a test, and the test is named here.

test_documents_run.py runs what kube9-cli answers. The commands of all other programs are in the table below.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.document_commands import ROOT, Shown, blocks, joined, misplaced, of_block, of_the_cli, pages, shown, without_comment
from tests.unit.test_documents_run import commands

TESTS = Path(__file__).parent.parent
README, TYPED = "node/test_readme.py", "cluster/test_typed.py"
EXECUTED: Mapping[str, tuple[str, ...]] = {
    f"{README}::shell": (
        "make image IMAGE=registry.example/kube9-operator:0.1.0",
        "helm install kube9-operator helm/kube9-operator -n kube9-system --create-namespace --wait "
        "--set image.repository=registry.example/kube9-operator",
        "kubectl rollout status -n {{ .Release.Namespace }} …",
        "kubectl exec -n {{ .Release.Namespace }} {{ $pod }} -- kube9-cli events list -o table",
        "kubectl exec -n {{ .Release.Namespace }} {{ $pod }} -- kube9-cli status -o table",
    ),
    f"{README}::test_its_health_is_asked": (
        "kubectl get configmap -n kube9-system kube9-operator-status …",
        "kubectl port-forward -n kube9-system kube9-operator-0 8080",
    ),
    f"{README}::test_files_are_brought_out_of_the_pod": (
        "kubectl exec -n kube9-system kube9-operator-0 -- cat /opt/kube9/share/kube9-operator.cdx.json",
        "kubectl exec -n kube9-system kube9-operator-0 -- kube9-cli report -n shop --since 2h > shop.html",
    ),
    f"{README}::test_a_watch_ends_with_its_input": (
        "kubectl exec -i -n kube9-system kube9-operator-0 -- kube9-cli events list --watch --exit-on-stdin-close",
    ),
    f"{README}::test_a_backup_is_made_and_restored": (
        "kubectl exec -n kube9-system kube9-operator-0 -- sh -c 'du …",
        "kubectl exec -n kube9-system kube9-operator-0 -- python3 -c 'import apsw; …",
        "kubectl exec -n kube9-system kube9-operator-0 -- cat /data/backup.db > kube9.db",
        "kubectl exec -n kube9-system kube9-operator-0 -- rm /data/backup.db",
        "kubectl scale -n kube9-system statefulset/kube9-operator --replicas=0",
        "kubectl wait -n kube9-system pod/kube9-operator-0 --for=delete",
        "kubectl apply -n kube9-system -f - <<'EOF'",
        "kubectl wait -n kube9-system pod/restore --for=condition=Ready",
        "kubectl exec -n kube9-system restore -- rm -f /data/kube9.db /data/kube9.db-wal /data/kube9.db-shm",
        "kubectl exec -i -n kube9-system restore -- sh -c 'cat > /data/kube9.db' < kube9.db",
        "kubectl delete -n kube9-system pod/restore",
        "kubectl scale -n kube9-system statefulset/kube9-operator --replicas=1",
    ),
    "node/test_pod.py::test_helm_test_passes": ("helm test kube9-operator -n kube9-system",),
    "node/test_plugin.py::test_a_watch_ends_in_the_pod": ("kubectl kube9 events list --watch",),
    "node/test_plugin.py::test_the_five_commands_of_the_readme": ("kubectl rollout undo deployment/web -n shop",),
    "node/test_upgrade.py::refusal": ("kubectl logs -n kube9-system kube9-operator-0 --previous",),
    f"{TYPED}::shell": (
        "helm install kube9-operator helm/kube9-operator -n kube9-system --create-namespace -f values.yaml",
        "helm uninstall kube9-operator -n kube9-system",
        "kubectl delete namespace kube9-system",
    ),
    f"{TYPED}::test_a_claim_of_a_wrong_class_is_replaced": (
        "kubectl describe pod -n kube9-system kube9-operator-0",
        "kubectl delete pvc -n kube9-system kube9-operator",
        "kubectl delete pod -n kube9-system kube9-operator-0",
    ),
    f"{TYPED}::test_secrets_are_made_and_used": (
        "kubectl create secret docker-registry registry …",
        "kubectl create secret generic kube9 -n kube9-system --from-file=apiKey=key.txt",
        "helm upgrade kube9-operator helm/kube9-operator -n kube9-system --reuse-values --set registration.secretName=kube9 …",
        "kubectl -n kube9-system create secret generic sink …",
    ),
    f"{TYPED}::test_what_a_release_was_told_is_shown_again": ("helm status kube9-operator -n NAMESPACE",),
    f"{TYPED}::test_what_the_operator_may_do_is_asked": ("kubectl auth can-i list pods …",),
    f"{README}::test_where_the_api_server_is": (
        "kubectl get service kubernetes -n default …",
        "kubectl get endpointslices -n default …",
    ),
    f"{TYPED}::test_rules_are_tried_on_the_events_of_a_cluster": (
        "kubectl get events -A -o json | kube9-operator rules check rules.yaml --events -",
    ),
    f"{TYPED}::test_the_volume_of_another_program_is_kept": (
        'kubectl patch pv "$(kubectl get pvc -n kube9-system kube9-operator-events-data …',
    ),
    f"{TYPED}::test_the_chart_is_installed_from_a_registry": (
        "helm install kube9-operator oci://registry.example/charts/kube9-operator --version 0.1.0 …",
    ),
    "packaging/test_registry.py::test_an_image_is_pushed_inspected_carried_over_and_removed": (
        "buildah push registry.example/kube9-operator:0.1.0",
        "buildah push registry.example/kube9-operator:0.1.0 docker-archive:image.tar:registry.example/kube9-operator:0.1.0",
        "buildah pull docker-archive:image.tar",
        "buildah inspect --type image registry.example/kube9-operator:0.1.0",
        "buildah rmi registry.example/kube9-operator:0.1.0",
        "buildah rmi --prune",
    ),
    "packaging/test_registry.py::test_who_pushes_logs_in": ("helm registry login …",),
    "packaging/test_registry.py::registry": (
        "make push-chart REGISTRY=oci://registry.example/charts",
        "make push-chart REGISTRY=oci://… HELM_FLAGS=--plain-http HELM=/path/to/helm",
        "make push-chart",
    ),
    "packaging/test_krew.py::test_krew_installs_it_and_removes_it": (
        "make krew",
        "make krew URI=https://…/folder",
        "kubectl krew install --manifest=dist/kube9.yaml --archive=dist/kubectl-kube9-0.1.0.tar.gz",
        "kubectl krew uninstall kube9",
        'cp "${KREW_ROOT:-$HOME/.krew}"/store/kube9/v*/kubectl_complete-kube9 "${KREW_ROOT:-$HOME/.krew}/bin"',
        "kubectl completion --help",
    ),
    "packaging/test_installed.py::installed": (
        "python3 -m venv ~/kube9-venv && . ~/kube9-venv/bin/activate",
        "pip install .",
        "mkdir -p -m 700 ~/kube9 && export DB_PATH=~/kube9",
        "kube9-operator",
        ". ~/kube9-venv/bin/activate && export DB_PATH=~/kube9",
    ),
    "packaging/test_installed.py::test_pip_removes_it": ("pip uninstall kube9-operator",),
    "packaging/test_image.py::test_the_base_may_be_pinned_by_digest": ("make image PYTHON_DIGEST=sha256:…",),
    "packaging/test_image.py::test_the_builder_may_be_chosen": ("make image BUILDER=docker",),
    "node/images.py::build_variables": (
        'make image IMAGE_FLAGS="--build-arg PYTHON_IMAGE=…"',
        'make image IMAGE_FLAGS="--build-arg PIP_INDEX_URL=…"',
        "make image",
    ),
    "packaging/test_make.py::test_what_is_written_from_the_source_is_written_again": ("make completions", "make documents"),
    "packaging/test_make.py::test_what_was_made_is_cleaned_up": ("make man", "make clean"),
    "packaging/test_make.py::test_the_chart_is_a_file": ("make chart",),
    "packaging/test_make.py::test_the_demo_ends_with_a_record_and_a_page": ("make demo",),
    "packaging/test_make.py::test_the_long_tests_are_listed": ("make test-long PART=list",),
    "faults/test_kills.py::test_any_process_is_killed_at_any_moment": ("make soak", "make soak ARGUMENTS=…"),
    "process/test_notifications.py::test_at_once": ("kubectl kube9 events list --watch --limit 1 …",),
    "process/test_notifications.py::test_without_losing_any": ("touch last sent",),
    "process/test_typed.py::test_settings_before_the_command": (
        "EVENT_REASONS_INCLUDE=Killing,Started EVENT_RETENTION_INFO_WARNING_DAYS=30 kube9-operator",
    ),
    "process/test_typed.py::test_sqlite_makes_a_copy": ("sqlite3 kube9.db \"VACUUM INTO 'copy.db'\"",),
    "process/test_typed.py::test_the_oracle_repeats_a_line": (".venv/bin/python -m tests.oracle --seed 3 --line 17",),
    "faults/test_place.py::test_a_copy_is_put_back_while_it_runs": ("mv copy.db kube9.db",),
    "unit/test_completion.py::test_the_tabulator_completes_in_a_bash_on_a_terminal": ("source <(kube9-cli completion bash)",),
}
"""What executes each command: a test, or a fixture or function of tests. `…` at the end stands for the rest of a command."""
BY_CI = ("make test", "make test-cluster", "make cluster-tools", "make engine-tools", "make lint")
"""What `.ci/run` executes; `make test` begins with `make lint`."""
BY_HAND = re.compile(
    r"""make\ (?:bench|test-long|requirements)\b  # figures, hours, the newest: test_make.py compares the names of parts
    | make\ engine-tools\ ENGINES=collector  # which one part of the long tests needs
    | (?:time\ |TMPDIR=\S+\ )?make\ test\b  # with other variables of the same target
    | \.venv/bin/python\ -m\ pytest\ | python\ -m\ tests\.bench\b | python\ -c\ pass | python\ -S""",
    re.VERBOSE,
)
"""What people run to develop, and how measurements were made."""
NAMES = {
    *("helm install --wait", "helm rollback", "helm test", "helm uninstall", "helm upgrade", "pip inspect"),
    *("kubectl events", "kubectl exec", "kubectl exec -i", "kubectl exec -n kube9-system kube9-operator-0 -- …"),
    *("kubectl get events", "kubectl kube9", "kubectl rollout restart"),
    *("kube9-operator assess", "kube9-operator assess …", "kube9-operator query"),
    *("kube9-operator rules check", "kube9-operator serve"),
}
"""What the text calls programs and their commands, with nothing to type."""
OTHERS = [one for one in shown() if not of_the_cli(one.command) or "--watch" in one.command]
KEYS = {key: test for test, keys in EXECUTED.items() for key in keys}


def key_of(command: str) -> str:
    """The entry of the table for a command, '' where there is none."""
    if command in KEYS:
        return command
    begun = [key for key in KEYS if key.endswith("…") and command.startswith(key.removesuffix("…"))]
    return max(begun, key=len, default="")


def test_there_are_some() -> None:
    assert len(OTHERS) > 100


@pytest.mark.parametrize("one", OTHERS, ids=lambda one: f"{one.page}: {one.command[:60]}")
def test_it_is_executed(one: Shown) -> None:
    assert one.command in {*BY_CI, *NAMES} or BY_HAND.match(one.command) or key_of(one.command), (
        "name the test that executes it"
    )


def test_the_table_has_nothing_else() -> None:
    used = {key_of(one.command) for one in shown()}
    assert set(KEYS) - used == set()
    assert {one.command for one in OTHERS} >= NAMES


@pytest.mark.parametrize("test", EXECUTED)
def test_it_exists(test: str) -> None:
    path, _, name = test.partition("::")
    text = (TESTS / path).read_text(encoding="utf-8")
    assert re.search(rf"^def {name}\(", text, re.MULTILINE)


def test_ci_runs_them() -> None:
    run = (TESTS.parent / ".ci" / "run").read_text(encoding="utf-8")
    assert all(re.search(rf"^(?:.*\|\| )?{one}\b", run, re.MULTILINE) for one in BY_CI if one != "make lint")
    recipe = (TESTS.parent / "Makefile").read_text(encoding="utf-8").partition("\ntest: $(VENV)/done\n")[2]
    assert recipe.startswith("\t@$(MAKE) --no-print-directory -j2 lint ")


def test_what_the_cli_answers_is_run() -> None:
    assert {of_the_cli(one.command) for one in shown() if one.block and "--watch" not in one.command} - {""} <= set(commands())


@pytest.mark.parametrize("page", list(pages()), ids=lambda page: str(page.relative_to(ROOT)))
def test_each_command_has_a_line_of_its_own(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [*misplaced(text), *swallowed(text)] == []


def swallowed(text: str) -> list[str]:
    """The comments in the blocks of a text that contain another command."""
    known = [one.removesuffix(" …") for one in (*KEYS, *BY_CI, *NAMES) if " " in one.removesuffix(" …")]
    lines = (line for block in blocks(text) for line in joined(block))
    comments = [line.removeprefix(without_comment(line)) for line in lines]
    return [comment for comment in comments if any(one in comment for one in known)]


def test_a_block_that_was_wrapped_like_a_paragraph_is_noticed() -> None:
    begin = "See:\n\n    make test    # lint, and more"
    right = f"{begin}\n    make test-cluster    # a real node\n\n    sink:\n      url: x\n"
    assert [*misplaced(right), *swallowed(right)] == []
    two = f"{begin} make bench    # most measurements\n"
    assert list(misplaced(two)) == [two.splitlines()[-1].strip()]
    assert list(misplaced(f"{begin}\n    of it    # on a node\n")) == ["of it    # on a node"]
    assert swallowed(f"{begin} make test-cluster\n") == ["    # lint, and more make test-cluster"]


def test_commands_are_found() -> None:
    """So that the tests above can fail."""
    lines = ("$ helm a \\", "  -b c    # d", "said", "kubectl x -f - <<'EOF'", "kubectl y", "EOF", "X=1 make z |", "    jq .")
    (found,) = blocks("See:\n\n" + "".join(f"    {line}\n" for line in lines))
    assert list(of_block(found)) == ["helm a -b c", "kubectl x -f - <<'EOF'", "X=1 make z | jq ."]
