"""CronJobs: when they run, and what their pods are made from."""

from typing import Any

import msgspec

from kube9_operator.model.resource_states import CronJob
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource
from kube9_operator.watch.template import PodSpec, Template, containers, environment, parts, plain_parts


class JobSpec(msgspec.Struct, frozen=True, gc=False):
    """Of the Jobs that it makes."""

    template: Template | None = None


class JobTemplate(msgspec.Struct, frozen=True, gc=False):
    """What its Jobs are made from."""

    spec: JobSpec | None = None


class Spec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What is asked for."""

    schedule: str | None = None
    suspend: bool | None = None
    job_template: JobTemplate | None = None


class Object(msgspec.Struct, frozen=True, gc=False):
    """batch/v1 CronJob."""

    metadata: metadata.ChangedMeta
    spec: Spec | None = None


def reduce(found: Any, texts: metadata.Texts) -> CronJob:
    """What is compared of a CronJob."""
    spec, own = found.spec or Spec(), found.metadata
    template = ((spec.job_template or JobTemplate()).spec or JobSpec()).template or Template()
    pods = template.spec or PodSpec()
    asked = {"spec.schedule": spec.schedule or "", "spec.suspend": "true" if spec.suspend else "false"}
    return CronJob(
        owner=metadata.controller(own),
        images={metadata.name(one.name): texts.line(one.image) for _, one in containers(pods)},
        generation=metadata.number(own.generation),
        parts=plain_parts(asked, texts, own.uid) | parts(template, texts, own.uid),
        environment=environment(pods, own.uid),
    )


CRONJOBS = resource("cronjobs", Object, reduce)
