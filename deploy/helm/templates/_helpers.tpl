{{- define "stagedoor.selector" -}}
app.kubernetes.io/name: stagedoor
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "stagedoor.labels" -}}
{{ include "stagedoor.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* The name of what the release has one of. */ -}}
{{- define "stagedoor.name" -}}
{{- if contains "stagedoor" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-stagedoor{{ end }}
{{- end }}

{{- /* The port of an address such as 0.0.0.0:8080. */ -}}
{{- define "stagedoor.port" -}}
{{ regexFind "[0-9]+$" . }}
{{- end }}
