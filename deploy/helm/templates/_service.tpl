{{/*
One service with the defaults merged under it, as YAML: dict "root" "name". A null removes the
default; lists replace it. The text is kept among the values, since every template asks for it.
*/}}
{{- define "attune.service" -}}
{{- $merged := .root.Values.merged | default dict -}}
{{- if not (hasKey $merged .name) -}}
{{- $_ := set $merged .name (include "attune.service.merge" .) -}}
{{- $_ := set .root.Values "merged" $merged -}}
{{- end -}}
{{- get $merged .name -}}
{{- end -}}

{{- define "attune.service.merge" -}}
{{- $own := get .root.Values.services .name -}}
{{- $merged := mergeOverwrite (deepCopy .root.Values.defaults) (deepCopy $own) -}}
{{- range $part := list "podSecurityContext" "containerSecurityContext" "settings" -}}
{{- range $key, $value := get $own $part | default dict -}}
{{- if kindIs "invalid" $value }}{{ $_ := unset (get $merged $part) $key }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toYaml $merged -}}
{{- end -}}

{{/* The fewest and the most replicas that a service has: dict "service". */}}
{{- define "attune.leastReplicas" -}}
{{- if .keda.enabled }}{{ .keda.minReplicas }}{{ else if .autoscaling.enabled }}{{ .autoscaling.minReplicas }}{{ else }}{{ .replicas }}{{ end -}}
{{- end -}}
{{- define "attune.mostReplicas" -}}
{{- if .keda.enabled }}{{ .keda.maxReplicas }}{{ else if .autoscaling.enabled }}{{ .autoscaling.maxReplicas }}{{ else }}{{ .replicas }}{{ end -}}
{{- end -}}

{{/*
The Secrets of a service, as YAML: variable → {secret, key}. The file of a variable has the
variable's name in lower case. Dict "root" "name" "service".
*/}}
{{- define "attune.secrets" -}}
{{- $values := .root.Values -}}
{{- $own := .service.secretName | default (replace "{service}" .name $values.secrets.serviceTemplate) -}}
{{- range $variable, $key := .service.secretKeys }}
{{ $variable }}: {secret: {{ $own }}, key: {{ $key }}}
{{- end }}
IDENTITY_KEYS: {secret: {{ $values.secrets.shared }}, key: identity-keys}
BLIND_INDEX_KEY: {secret: {{ $values.secrets.shared }}, key: blind-index-key}
DATABASE_URL: {secret: {{ replace "{service}" .name $values.postgres.secretTemplate }}, key: uri}
{{- if and .service.nats $values.nats.existingSecret }}
NATS_URL: {secret: {{ $values.nats.existingSecret }}, key: url}
{{- end }}
{{- include "attune.authorities" (dict "root" .root "nats" .service.nats) }}
{{- end -}}

{{/*
The files of authorities that sign the certificates of PostgreSQL and NATS, as "attune.secrets".
URLs of databases name theirs, so no variable does. Dict "root" "nats", whether NATS is used.
*/}}
{{- define "attune.authorities" -}}
{{- with .root.Values.postgres.caSecret }}
POSTGRES_CA: {secret: {{ . }}, key: ca.crt, hasVariable: false}
{{- end }}
{{- if and .nats .root.Values.nats.caSecret }}
NATS_CA: {secret: {{ .root.Values.nats.caSecret }}, key: ca.crt}
{{- end }}
{{- end -}}

{{/*
The volume that has a service's Secrets as files: dict "root" "secrets", the map of variables as in
"attune.secrets".
*/}}
{{- define "attune.secretVolume" -}}
{{- $bySecret := dict -}}
{{- range $variable, $at := .secrets -}}
{{- $items := append (get $bySecret $at.secret | default list) (dict "key" $at.key "path" (lower $variable)) -}}
{{- $_ := set $bySecret $at.secret $items -}}
{{- end -}}
name: secrets
projected:
  defaultMode: 0440
  sources:
    {{- range $secret, $items := $bySecret }}
    - secret:
        name: {{ $secret }}
        items:
          {{- toYaml $items | nindent 10 }}
    {{- end }}
{{- end -}}

{{/*
The environment of a service without secrets, as YAML: variable → text. It becomes the service's
ConfigMap. Dict "root" "name" "service".
*/}}
{{- define "attune.environment" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $env := dict -}}
{{- range $variable, $value := .service.settings -}}
{{- $_ := set $env $variable (include "attune.text" $value) -}}
{{- end -}}
{{- $_ := set $env "ENVIRONMENT" $values.global.environment -}}
{{- $_ := set $env "LISTEN" (printf "%s:%s" $values.global.listenAddress (include "attune.port" .service.kind)) -}}
{{- if eq .service.kind "grpc" -}}
{{- $_ := set $env "HEALTH_LISTEN" (printf "%s:%s" $values.global.listenAddress (include "attune.healthPort" .)) -}}
{{- end -}}
{{- range $callee := .service.calls -}}
{{- $target := printf "dns:///%s:%s" (include "attune.host" (dict "root" $root "name" $callee)) (include "attune.port" "grpc") -}}
{{- $_ := set $env (printf "%s_TARGET" (include "attune.package" $callee | upper)) $target -}}
{{- end -}}
{{- range $variable, $at := include "attune.secrets" . | fromYaml -}}
{{- if ne $at.hasVariable false -}}
{{- $_ := set $env (printf "%s_FILE" $variable) (printf "/run/attune/secrets/%s" (lower $variable)) -}}
{{- end -}}
{{- end -}}
{{- if and .service.nats (not $values.nats.existingSecret) -}}
{{- $_ := set $env "NATS_URL" (include "attune.natsUrl" $root) -}}
{{- end -}}
{{- if .service.publicUrl -}}
{{- $_ := set $env "PUBLIC_URL" $values.global.publicUrl -}}
{{- end -}}
{{- if eq .service.kind "http" -}}
{{- $hosts := concat (list (include "attune.host" (dict "root" $root "name" .name))) $values.exposure.extraHosts -}}
{{- with get $env "ALLOWED_HOSTS" }}{{ $hosts = prepend $hosts . }}{{ end -}}
{{- $_ := set $env "ALLOWED_HOSTS" (join "," $hosts) -}}
{{- end -}}
{{- if $values.tls.internal.enabled -}}
{{- $_ := set $env "TLS_FOLDER" "/run/attune/tls" -}}
{{- end -}}
{{- with include "attune.otlpEndpoint" $root -}}
{{- $_ := set $env "OTEL_EXPORTER_OTLP_ENDPOINT" . -}}
{{- $_ := set $env "OTEL_TRACES_SAMPLER" "parentbased_traceidratio" -}}
{{- $_ := set $env "OTEL_TRACES_SAMPLER_ARG" (include "attune.text" $values.telemetry.sampleRatio) -}}
{{- end -}}
{{- toYaml $env -}}
{{- end -}}

{{- define "attune.natsUrl" -}}
{{- if eq .Values.nats.mode "development" -}}
{{- printf "nats://%s:4222" (include "attune.host" (dict "root" . "name" "nats")) -}}
{{- else -}}{{- .Values.nats.url -}}{{- end -}}
{{- end -}}

{{- define "attune.otlpEndpoint" -}}
{{- if .Values.telemetry.collector.enabled -}}
{{- printf "http://%s:4317" (include "attune.host" (dict "root" . "name" "collector")) -}}
{{- else -}}{{- .Values.telemetry.otlpEndpoint -}}{{- end -}}
{{- end -}}

{{- define "attune.natsMonitoring" -}}
{{- if eq .Values.nats.mode "development" -}}
{{- printf "%s:8222" (include "attune.host" (dict "root" . "name" "nats")) -}}
{{- else -}}{{- .Values.nats.monitoringEndpoint -}}{{- end -}}
{{- end -}}

{{/* The Secrets of a service's migrations, as "attune.secrets". */}}
{{- define "attune.migrationSecrets" -}}
OWNER_DATABASE_URL: {secret: {{ replace "{service}" .name .root.Values.postgres.ownerSecretTemplate }}, key: uri}
BLIND_INDEX_KEY: {secret: {{ .root.Values.secrets.shared }}, key: blind-index-key}
{{- include "attune.authorities" (dict "root" .root "nats" false) }}
{{- end -}}

{{/* The end of the name of a migration's Job: dict "root" "name" "service". */}}
{{- define "attune.migrationSuffix" -}}
{{- $values := .root.Values -}}
{{- $all := toJson (list .service $values.global $values.migrations $values.postgres $values.secrets) | sha256sum | trunc 6 -}}
{{- printf "%s-%d-%s" (regexReplaceAll "[^a-z0-9]+" (lower .root.Chart.Version) "-") (int .root.Release.Revision) $all -}}
{{- end -}}

{{/*
Every Secret with secrets that pods of this chart mount, as YAML: name → keys. Authorities are not
secret and come from elsewhere.
*/}}
{{- define "attune.allSecrets" -}}
{{- $root := . -}}
{{- $found := dict -}}
{{- $maps := list -}}
{{- range $name, $_ := .Values.services -}}
{{- $context := dict "root" $root "name" $name "service" (include "attune.service" (dict "root" $root "name" $name) | fromYaml) -}}
{{- $maps = append $maps (include "attune.secrets" $context | fromYaml) -}}
{{- if $root.Values.migrations.enabled -}}
{{- $maps = append $maps (include "attune.migrationSecrets" $context | fromYaml) -}}
{{- end -}}
{{- if eq $root.Values.postgres.mode "cnpg" -}}
{{- range $template := list $root.Values.postgres.secretTemplate $root.Values.postgres.ownerSecretTemplate -}}
{{- $_ := set $found (replace "{service}" $name $template) (list "password" "username") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $job := .Values.cronJobs -}}
{{- if $job.enabled -}}
{{- $maps = append $maps (include "attune.operatorSecrets" (dict "root" $root "job" $job) | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- range $map := $maps -}}
{{- range $_, $at := $map -}}
{{- if ne $at.key "ca.crt" -}}
{{- $_ := set $found $at.secret (append (get $found $at.secret | default list) $at.key | uniq | sortAlpha) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}
