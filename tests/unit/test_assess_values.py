"""No value that may be a secret is ever in a result, whatever objects look like. And quantities."""

import base64
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube9_operator.assess.quantities import cores, quantity, size
from kube9_operator.assess.run import assess_run
from tests.assessed import FakeClient, Manifest, config_map, listing, merged, node, running, workload

MARK = "hunter2"
KEYS = st.sampled_from(["password", "API_KEY", "auth-token", "config.yaml", "LOG_LEVEL", "POD_NAMESPACE", "kubeconfig"])
VALUES = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), max_size=30).map(
    lambda text: f"{text}{MARK}{text}"
)
WRONG = st.sampled_from([None, 7, [], {}, "x"])


@st.composite
def containers(draw: st.DrawFn) -> Manifest:
    value = draw(VALUES)
    env = [{"name": draw(KEYS), "value": draw(VALUES)} for _ in range(draw(st.integers(0, 3)))]
    header = [{"name": "Authorization", "value": value}]
    probe = draw(
        st.sampled_from(
            [
                {"httpGet": {"path": f"/{value}", "port": 80, "httpHeaders": header}},
                {"exec": {"command": ["login", value]}},
                {"httpGet": {"path": "/livez", "port": value}},
                {},
            ]
        )
    )
    one = {"name": "app", "env": env, "command": [value], "args": [value], "livenessProbe": probe, "readinessProbe": probe}
    broken = draw(st.sampled_from([""] * 9 + ["env", "livenessProbe", "resources"]))
    return one | ({broken: draw(WRONG)} if broken else {})


@st.composite
def clusters(draw: st.DrawFn) -> list[Manifest]:
    value = draw(VALUES)
    kind = draw(st.sampled_from(["Deployment", "StatefulSet", "DaemonSet"]))
    operator = {"app.kubernetes.io/name": "kube9-operator"}
    annotated = {"template": {"metadata": {"annotations": {"prometheus.io/scrape": value, "note": value}}}}
    encoded = base64.b64encode(value.encode()).decode()
    data: Any = draw(st.one_of(st.dictionaries(KEYS, VALUES), WRONG))
    return [
        workload(
            kind, containers=[draw(containers())], labels=operator, spec=annotated, metadata={"annotations": {"a": value}}
        ),
        running(containers=[draw(containers())], volumes=[{"name": "v", "secret": {"secretName": value}}]),
        config_map("c", data=data, binaryData={draw(KEYS): encoded}),
        node(),
    ]


def said(manifests: list[Manifest]) -> Iterator[str]:
    for one in assess_run(listing(FakeClient(*manifests))):
        yield msgspec.json.encode(one).decode()


@settings(max_examples=60, deadline=None)
@given(clusters())
def test_no_value_is_in_any_result(manifests: list[Manifest]) -> None:
    for text in said(manifests):
        assert MARK not in text
        assert base64.b64encode(MARK.encode()).decode()[:8] not in text


def test_the_property_sees_findings_of_secrets() -> None:
    env = [{"name": "DB_PASSWORD", "value": f"{MARK}{MARK}"}]
    every = "".join(said([workload(containers=[{"name": "app", "env": env}]), config_map("c", data={"token": MARK})]))
    assert "variable DB_PASSWORD" in every
    assert "(key token)" in every
    assert MARK not in every


def test_objects_of_any_wrong_form_end_no_run() -> None:
    good: list[Manifest] = [workload(), running(), node(), config_map("c", data={})]
    for one, wrong in itertools.product(good, (None, 7, [], "x", {"template": 7}, {"containers": [7]}, {"replicas": "many"})):
        field = "data" if one["kind"] == "ConfigMap" else "spec"
        results = list(assess_run(listing(FakeClient(merged(one, {field: wrong})))))
        assert len(results) == 31
        assert not [result for result in results if result.status == "error"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250m", 0.25),
        ("1", 1.0),
        (1, 1.0),
        (0.5, 0.5),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("64Mi", 64 * 2.0**20),
        ("1k", 1000.0),
        ("1K", None),
        ("1G", 1e9),
        ("1Ei", 2.0**60),
        ("1E", 1e18),
        ("1E2", 100.0),
        ("1e3", 1000.0),
        ("1e-3", 0.001),
        ("100u", 0.0001),
        ("100n", 1e-7),
        ("-1", -1.0),
        ("+1", 1.0),
        ("1e999", None),
        ("", None),
        ("x", None),
        ("1 Gi", None),
        ("m", None),
        (None, None),
        (True, None),
        (float("inf"), None),
    ],
)
def test_quantities(text: Any, value: float | None) -> None:
    assert quantity(text) == (pytest.approx(value) if value is not None else None)


def test_quantities_are_written_as_kubernetes_reads_them() -> None:
    assert [cores(one) for one in (0.0, 0.1, 0.0001, 1.0, 2.5, 16.0)] == ["0", "100m", "1m", "1", "2500m", "16"]
    assert [size(one * 2.0**20) for one in (0, 0.5, 128, 1024, 1536)] == ["0Mi", "1Mi", "128Mi", "1Gi", "1536Mi"]
