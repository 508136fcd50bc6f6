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
{{- define "sam-mask.shared" -}}
{{- if or .Values.images.url .Values.images.existingSecret -}}true{{- end -}}
{{- end -}}
