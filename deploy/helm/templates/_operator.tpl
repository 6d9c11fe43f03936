{{/*
Pods that run the `attune` command for operators: scheduled commands. They act under the issuer
`operator`, whose key is in `secrets.operator`.
*/}}

{{/*
The Secrets of a command, as "attune.secrets": dict "root" "job". `databases` names the services
whose database and keys the command needs.
*/}}
{{- define "attune.operatorSecrets" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
IDENTITY_KEY: {secret: {{ $values.secrets.operator }}, key: identity-key}
BLIND_INDEX_KEY: {secret: {{ $values.secrets.shared }}, key: blind-index-key}
{{- with $values.nats.existingSecret }}
NATS_URL: {secret: {{ . }}, key: url}
{{- end }}
{{- include "attune.authorities" (dict "root" .root "nats" true) }}
{{- range $name := .job.databases }}
{{- $service := include "attune.service" (dict "root" $root "name" $name) | fromYaml }}
{{- $secrets := include "attune.secrets" (dict "root" $root "name" $name "service" $service) | fromYaml }}
{{- $prefix := include "attune.package" $name | upper }}
{{ $prefix }}_DATABASE_URL: {{ $secrets.DATABASE_URL | toJson }}
{{ $prefix }}_ENCRYPTION_KEYS: {{ $secrets.ENCRYPTION_KEYS | toJson }}
{{- end }}
{{- end -}}

{{/* The environment of a command: dict "root" "job". A list of variables of a container. */}}
{{- define "attune.operatorEnvironment" -}}
{{- $root := .root -}}
{{- range $name, $_ := $root.Values.services }}
{{- $service := include "attune.service" (dict "root" $root "name" $name) | fromYaml }}
{{- if eq $service.kind "grpc" }}
- name: {{ include "attune.package" $name | upper }}_TARGET
  value: dns:///{{ include "attune.host" (dict "root" $root "name" $name) }}:{{ include "attune.port" "grpc" }}
{{- end }}
{{- end }}
{{- range $variable, $at := include "attune.operatorSecrets" . | fromYaml }}
{{- if ne $at.hasVariable false }}
- name: {{ $variable }}_FILE
  value: /run/attune/secrets/{{ lower $variable }}
{{- end }}
{{- end }}
{{- if not $root.Values.nats.existingSecret }}
- name: NATS_URL
  value: {{ include "attune.natsUrl" $root }}
{{- end }}
{{- if $root.Values.tls.internal.enabled }}
- name: TLS_FOLDER
  value: /run/attune/tls
{{- end }}
{{- with include "attune.otlpEndpoint" $root }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . }}
{{- end }}
{{- end -}}

{{/* Whether any command is scheduled: "true" or empty. */}}
{{- define "attune.hasOperator" -}}
{{- range $_, $job := .Values.cronJobs }}{{ if $job.enabled }}true{{ end }}{{ end -}}
{{- end -}}
