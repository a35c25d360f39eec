{{- define "kube9-operator.name" -}}
{{ default .Release.Name .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "kube9-operator.serviceAccount" -}}
{{ if .Values.serviceAccount.create }}{{ default (include "kube9-operator.name" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "kube9-operator.image" -}}
{{- if hasSuffix "alto9/kube9-operator" .Values.image.repository -}}
{{- fail (printf "image.repository is %s: that is the original's image, which this chart cannot run; leave image out of your values" .Values.image.repository) -}}
{{- end -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* What the database may take: as it is set, or 80 % of the volume, in MiB; never less than the operator allows. */ -}}
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

{{- /* The days of a retention: as they are set under the original chart's name, otherwise as under ours. */ -}}
{{- define "kube9-operator.days" -}}
{{ kindIs "invalid" (first .) | ternary (last .) (first .) | int }}
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

{{- /* Not the selector: this pod is no endpoint of the service, and no operator for those who look for one. */ -}}
{{- define "kube9-operator.testSelector" -}}
app.kubernetes.io/name: kube9-operator-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
