{{- define "sam-mask.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "sam-mask.selector" -}}
app.kubernetes.io/name: sam-mask
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sam-mask.labels" -}}
{{ include "sam-mask.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{/* Whether callers need a key, and whether the pods share a store: "true" or nothing. */}}
{{- define "sam-mask.keyed" -}}
{{- if or .Values.apiKey.value .Values.apiKey.existingSecret -}}true{{- end -}}
{{- end -}}
{{/* The same of jobs: kept in a store that pods share, or on one pod's volume. */}}
{{- define "sam-mask.jobs" -}}
{{- if or .Values.jobs.url .Values.jobs.existingSecret -}}true{{- end -}}
{{- end -}}
{{- define "sam-mask.claim" -}}
{{- if .Values.jobs.claim -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) (include "sam-mask.jobs" .) -}}
{{- fail "jobs.claim is for one pod alone: set autoscaling.enabled=false and replicas=1, or jobs.url instead" -}}
{{- end -}}
{{- .Values.jobs.claim -}}
{{- end -}}
{{- end -}}
{{- define "sam-mask.signed" -}}
{{- if or .Values.webhookSecret.value .Values.webhookSecret.existingSecret -}}true{{- end -}}
{{- end -}}
{{- define "sam-mask.shared" -}}
{{- if or .Values.images.url .Values.images.existingSecret -}}true{{- end -}}
{{- end -}}
