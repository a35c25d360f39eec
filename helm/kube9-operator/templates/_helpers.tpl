{{- define "kube9-operator.name" -}}
{{ default .Release.Name .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "kube9-operator.serviceAccount" -}}
{{ if .Values.serviceAccount.create }}{{ default (include "kube9-operator.name" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "kube9-operator.image" -}}
{{- if hasSuffix "alto9/kube9-operator" .Values.image.repository -}}
{{- fail (printf "image.repository is %s: this is the image of the original operator, which this chart cannot run. Remove image from your values" .Values.image.repository) -}}
{{- end -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* The size limit of the database in MiB: events.maxSizeMiB, or 80 % of the volume. A volume that is too small is refused. */ -}}
{{- define "kube9-operator.maxSizeMiB" -}}
{{- $size := .Values.events.persistence.size -}}
{{- $mib := dict "Mi" 1.0 "Gi" 1024.0 "Ti" 1048576.0 "M" 0.95367431640625 "G" 953.67431640625 "T" 953674.31640625 -}}
{{- $unit := regexFind "[A-Za-z]+$" $size -}}
{{- $volume := mulf (float64 (trimSuffix $unit $size)) (get $mib $unit) -}}
{{- if lt $volume 64.0 -}}
{{- fail (printf "events.persistence.size is %s: must be 64Mi or more" $size) -}}
{{- end -}}
{{- if kindIs "invalid" .Values.events.maxSizeMiB -}}
{{- mulf $volume 0.8 | floor | int -}}
{{- else if gt (float64 .Values.events.maxSizeMiB) $volume -}}
{{- fail (printf "events.maxSizeMiB is %d: must be less than events.persistence.size, which is %s" (int .Values.events.maxSizeMiB) $size) -}}
{{- else -}}
{{- .Values.events.maxSizeMiB | int -}}
{{- end -}}
{{- end }}

{{- /* The days of a retention: the value under the name of the original chart if it is set, otherwise ours. */ -}}
{{- define "kube9-operator.days" -}}
{{ kindIs "invalid" (first .) | ternary (last .) (first .) | int }}
{{- end }}

{{- /* A value of assessments: the value under the name of the original chart if it is set, otherwise ours. */ -}}
{{- define "kube9-operator.assessment" -}}
{{- $theirs := default dict (first .).Values.assessment -}}
{{- $name := index . 1 -}}
{{- $value := hasKey $theirs $name | ternary (get $theirs $name) (last .) -}}
{{ kindIs "float64" $value | ternary (int $value) $value }}
{{- end }}

{{- /* An interval of collections: the value under the name of the original chart if it is set, otherwise ours. */ -}}
{{- define "kube9-operator.interval" -}}
{{- $theirs := default dict (default dict (first .).Values.metrics).intervals -}}
{{ default (last .) (get $theirs (index . 1)) | int }}
{{- end }}

{{- define "kube9-operator.selector" -}}
app.kubernetes.io/name: kube9-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kube9-operator.labels" -}}
{{ include "kube9-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* Different from the selector, so that the test pod is neither an endpoint of the service nor taken for the operator. */ -}}
{{- define "kube9-operator.testSelector" -}}
app.kubernetes.io/name: kube9-operator-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* An object as JSON with whole numbers: Helm reads numbers as floats. */}}
{{- define "kube9-operator.whole" -}}
{{- $whole := dict -}}
{{- range $name, $value := . -}}
{{- $_ := set $whole $name (int $value) -}}
{{- end -}}
{{- toJson $whole -}}
{{- end -}}

{{/* The path of a key of the sink's Secret; nothing without a Secret or a key. Called with a list: the context and the key. */}}
{{- define "kube9-operator.sinkFile" -}}
{{- $values := (index . 0).Values -}}
{{- if and $values.sink.secretName (index . 1) -}}/etc/kube9-operator-sink/{{ index . 1 }}{{- end -}}
{{- end -}}

{{/* The port of a URL: its own, or that of its scheme. */}}
{{- define "kube9-operator.urlPort" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host -}}
{{- if $port }}{{ trimPrefix ":" $port }}{{ else if eq $url.scheme "https" }}443{{ else }}80{{ end -}}
{{- end -}}

{{- /* Where the history is, and what the pod may wait for. It looks nothing up: without the permission for that, the installation would
fail. */ -}}
{{- define "kube9-operator.storage" -}}
{{- $name := include "kube9-operator.name" . -}}
{{- $class := default "" .Values.events.persistence.storageClassName -}}
{{- with .Values.events.persistence -}}
{{- if not .enabled -}}
Persistence is off: when the pod is deleted, the history is lost. Set events.persistence.enabled=true to keep it.
{{- else if .existingClaim -}}
The history is in the PersistentVolumeClaim {{ .existingClaim }}, which stays when this release is uninstalled. If there is no such
claim in namespace {{ $.Release.Namespace }}, the pod stays Pending until there is one.
{{- else -}}
The history is in the PersistentVolumeClaim {{ $name }} of {{ .size }}.
{{- if eq $class "-" }} It has no storage class: the pod stays
Pending until there is a PersistentVolume that fits.
{{- else if $class }} Its storage class is {{ $class }}.
If there is no such class, the pod stays Pending.
{{- else }} It has the default storage
class of the cluster. If there is none, the pod stays Pending. Then name a class with events.persistence.storageClassName, or
an existing claim with events.persistence.existingClaim, or do without a volume: events.persistence.enabled=false.
{{- end }} To see why
it waits, and which classes there are:

  kubectl describe pvc -n {{ $.Release.Namespace }} {{ $name }}
  kubectl get storageclass
{{ if .keep }}
The claim stays when this release is uninstalled. To use it again, install with
--set events.persistence.existingClaim={{ $name }}.
{{- else }}
Uninstalling this release deletes the claim and the history in it. To keep both, set events.persistence.keep=true before that.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
