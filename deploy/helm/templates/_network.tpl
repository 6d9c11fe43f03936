{{/* Pods of a component of this release as a peer of a NetworkPolicy: dict "root" "name". */}}
{{- define "attune.peer" -}}
podSelector:
  matchLabels:
    {{- include "attune.selector" . | nindent 4 }}
{{- end -}}

{{/*
Who may call a service: the services that name it in `calls`, and scheduled commands; the gateway:
proxies and helm tests. The kubelet's probes need no rule.
*/}}
{{- define "attune.callers" -}}
{{- $root := .root -}}
{{- $name := .name -}}
{{- $peers := list -}}
{{- range $caller, $_ := $root.Values.services -}}
{{- $calls := (include "attune.service" (dict "root" $root "name" $caller) | fromYaml).calls -}}
{{- if has $name $calls -}}
{{- $peers = append $peers (include "attune.peer" (dict "root" $root "name" $caller) | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .service.kind "grpc") (include "attune.hasOperator" $root) -}}
{{- $peers = append $peers (include "attune.peer" (dict "root" $root "name" "operator") | fromYaml) -}}
{{- end -}}
{{- if eq .service.kind "http" -}}
{{- $peers = concat $peers $root.Values.networkPolicy.ingressFrom -}}
{{- $peers = append $peers (include "attune.peer" (dict "root" $root "name" "test") | fromYaml) -}}
{{- end -}}
{{- if $peers -}}
- from:
    {{- toYaml $peers | nindent 4 }}
  ports: [{protocol: TCP, port: {{ include "attune.port" .service.kind }}}]
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{/* A rule to a named place: dict "to" (peers; none: any address) "ports". */}}
{{- define "attune.egress" -}}
- ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "attune.egress.dns" -}}
- ports:
    {{- range .Values.networkPolicy.dns.ports }}
    - {protocol: UDP, port: {{ . }}}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  to:
    {{- toYaml .Values.networkPolicy.dns.to | nindent 4 }}
{{- end -}}

{{- define "attune.egress.postgres" -}}
{{- if eq .Values.postgres.mode "development" -}}
- to:
    - {{ include "attune.peer" (dict "root" . "name" "postgres") | indent 6 | trim }}
  ports: [{protocol: TCP, port: 5432}]
{{- else if eq .Values.postgres.mode "cnpg" -}}
- to:
    - podSelector:
        matchLabels:
          cnpg.io/cluster: {{ include "attune.name" (dict "root" . "name" "postgres") }}
    {{- if .Values.postgres.cnpg.pooler.enabled }}
    - podSelector:
        matchLabels:
          cnpg.io/poolerName: {{ include "attune.name" (dict "root" . "name" "pooler") }}
    {{- end }}
  ports: [{protocol: TCP, port: 5432}]
{{- else -}}
{{- include "attune.egress" .Values.networkPolicy.postgres -}}
{{- end -}}
{{- end -}}

{{- define "attune.egress.nats" -}}
{{- if eq .Values.nats.mode "development" -}}
- to:
    - {{ include "attune.peer" (dict "root" . "name" "nats") | indent 6 | trim }}
  ports: [{protocol: TCP, port: 4222}]
{{- else -}}
{{- include "attune.egress" .Values.networkPolicy.nats -}}
{{- end -}}
{{- end -}}

{{- define "attune.egress.otlp" -}}
{{- if .Values.telemetry.collector.enabled -}}
- to:
    - {{ include "attune.peer" (dict "root" . "name" "collector") | indent 6 | trim }}
  ports: [{protocol: TCP, port: 4317}]
{{- else if .Values.telemetry.otlpEndpoint -}}
{{- include "attune.egress" .Values.networkPolicy.otlp -}}
{{- end -}}
{{- end -}}
