{{/*
Names, labels, ports, and images. Templates that take more than the root context take a dict with
`root` and what they name.
*/}}

{{- define "attune.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name -}}
{{- end -}}
{{- end -}}

{{/* The name of an object of one component: dict "root" "name". */}}
{{- define "attune.name" -}}
{{- printf "%s-%s" (include "attune.fullname" .root) .name -}}
{{- end -}}

{{/* The DNS name of a component's Service, complete, so that no search domain is tried. */}}
{{- define "attune.host" -}}
{{- printf "%s.%s.svc.%s" (include "attune.name" .) .root.Release.Namespace .root.Values.global.clusterDomain -}}
{{- end -}}

{{/* What selects the pods of a component: dict "root" "name". Immutable in Deployments. */}}
{{- define "attune.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "attune.labels" -}}
{{ include "attune.selector" . }}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: attune
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of pods, without the chart's version, which would restart them: dict "root" "name". */}}
{{- define "attune.podLabels" -}}
{{ include "attune.selector" . }}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/part-of: attune
{{- with .root.Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The metadata of an object of a component: dict "root" "name" and, optionally, "suffix". */}}
{{- define "attune.metadata" -}}
name: {{ include "attune.name" . }}{{ with .suffix }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "attune.labels" . | nindent 2 }}
{{- end -}}

{{/* The port that a service of a kind answers its callers at: "http" or "grpc". */}}
{{- define "attune.port" -}}
{{- if eq . "http" }}8080{{ else }}50051{{ end -}}
{{- end -}}
{{- define "attune.healthPort" -}}50052{{- end -}}

{{/*
Seconds that a service takes at most to finish what is running after SIGTERM: GRACE in
`common.service` and the gateway's `_GRACE`; a test compares them.
*/}}
{{- define "attune.shutdownSeconds" -}}
{{- if eq . "http" }}25{{ else }}10{{ end -}}
{{- end -}}

{{/* The image of a service: dict "root" "name" "service". A digest wins over a tag. */}}
{{- define "attune.image" -}}
{{- $global := .root.Values.global.image -}}
{{- $repository := printf "%s/%s" (trimSuffix "/" $global.registry) (.service.image.repository | default .name) -}}
{{- if .service.image.digest -}}
{{- printf "%s@%s" $repository .service.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.service.image.tag | default $global.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* An image that is not ours: a dict with repository, tag, and digest. */}}
{{- define "attune.foreignImage" -}}
{{- if .digest -}}{{- printf "%s@%s" .repository .digest -}}{{- else -}}{{- printf "%s:%s" .repository .tag -}}{{- end -}}
{{- end -}}

{{/* A service's Python package, which is also the name of its database and role. */}}
{{- define "attune.package" -}}{{- replace "-" "_" . -}}{{- end -}}

{{/* A value as the text of an environment variable. Helm reads 1000000 as a float: 1e+06. */}}
{{- define "attune.text" -}}
{{- if kindIs "float64" . -}}
{{- if eq (floor .) . }}{{ printf "%.0f" . }}{{ else }}{{ printf "%v" . }}{{ end -}}
{{- else -}}{{- printf "%v" . -}}{{- end -}}
{{- end -}}

{{/* The host name of `global.publicUrl`. */}}
{{- define "attune.publicHost" -}}
{{- (urlParse .Values.global.publicUrl).hostname -}}
{{- end -}}
