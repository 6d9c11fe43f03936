{{/*
Refusals of values that the schema cannot judge, all at once. Each names the key and says what
would be right.
*/}}
{{- define "attune.validate" -}}
{{- $problems := concat
  (include "attune.validate.global" . | fromYamlArray)
  (include "attune.validate.backends" . | fromYamlArray)
  (include "attune.validate.services" . | fromYamlArray)
  (include "attune.validate.exposure" . | fromYamlArray)
  (include "attune.validate.connections" . | fromYamlArray) -}}
{{- if $problems -}}
{{- fail (printf "\n\n%s\n" (join "\n" $problems)) -}}
{{- end -}}
{{- end -}}

{{- define "attune.validate.global" -}}
{{- $global := .Values.global }}
{{- $production := eq $global.environment "production" }}
{{- if not $global.publicUrl }}
- "global.publicUrl is empty: set the URL that people use, such as https://attune.example.com."
{{- else if and $production (not (hasPrefix "https://" $global.publicUrl)) }}
- "global.publicUrl must begin with https:// in production."
{{- end }}
{{- if not $global.image.registry }}
- "global.image.registry is empty: set where the images are, such as registry.example.com/attune."
{{- end }}
{{- if $production }}
{{- range $key, $mode := dict "postgres.mode" .Values.postgres.mode "nats.mode" .Values.nats.mode "secrets.mode" .Values.secrets.mode }}
{{- if eq $mode "development" }}
- "{{ $key }} is development, which is only for global.environment: development."
{{- end }}
{{- end }}
{{- end }}
{{- $longest := "" }}
{{- range $name := concat (keys .Values.services) (keys .Values.cronJobs) (list "default-deny" "test-booking-round-trip") }}
{{- if gt (len $name) (len $longest) }}{{ $longest = $name }}{{ end }}
{{- end }}
{{- $names := list (include "attune.name" (dict "root" . "name" $longest)) }}
{{- if .Values.migrations.enabled }}
{{- range $name, $_ := .Values.services }}
{{- $context := dict "root" $ "name" $name "service" (include "attune.service" (dict "root" $ "name" $name) | fromYaml) }}
{{- $names = append $names (printf "%s-migrations-%s" (include "attune.name" $context) (include "attune.migrationSuffix" $context)) }}
{{- end }}
{{- end }}
{{- range $names }}
{{- if gt (len .) 63 }}
- "The name {{ . }} has {{ len . }} characters, and 63 are allowed: shorten the release's name, or set fullnameOverride."
{{- end }}
{{- end }}
{{- end -}}

{{- define "attune.validate.backends" -}}
{{- $values := .Values }}
{{- range $key, $template := dict "secrets.serviceTemplate" $values.secrets.serviceTemplate "postgres.secretTemplate" $values.postgres.secretTemplate "postgres.ownerSecretTemplate" $values.postgres.ownerSecretTemplate }}
{{- if not (contains "{service}" $template) }}
- "{{ $key }} is {{ $template | squote }}, but each service has a Secret of its own: put {service} where the service's name belongs."
{{- end }}
{{- end }}
{{- if eq $values.postgres.secretTemplate $values.postgres.ownerSecretTemplate }}
- "postgres.ownerSecretTemplate is the same as postgres.secretTemplate, but services must not connect as the owner of their schema."
{{- end }}
{{- range $key, $name := dict "secrets.shared" $values.secrets.shared "secrets.operator" $values.secrets.operator }}
{{- if not $name }}
- "{{ $key }} is empty: set the name of a Secret."
{{- end }}
{{- end }}
{{- if and (eq $values.secrets.mode "externalSecrets") (not $values.secrets.externalSecrets.storeRef.name) }}
- "secrets.externalSecrets.storeRef.name is empty: set the store that has the secrets."
{{- end }}
{{- if and (eq $values.nats.mode "external") (not $values.nats.url) (not $values.nats.existingSecret) }}
- "nats.url is empty: set it, or nats.existingSecret with the URL in the key url."
{{- end }}
{{- if and $values.telemetry.collector.enabled $values.telemetry.otlpEndpoint }}
- "telemetry.otlpEndpoint is not used while telemetry.collector.enabled is true: remove one of them. telemetry.collector.tracesEndpoint says where the collector sends traces."
{{- end }}
{{- if and (eq $values.postgres.mode "cnpg") $values.postgres.cnpg.backups.enabled (not $values.postgres.cnpg.backups.objectStore) }}
- "postgres.cnpg.backups.objectStore is empty: set where backups go, such as {destinationPath: s3://…, s3Credentials: …}."
{{- end }}
{{- end -}}

{{- define "attune.validate.services" -}}
{{- $root := . }}
{{- $values := .Values }}
{{- range $name, $_ := $values.services }}
{{- $service := include "attune.service" (dict "root" $root "name" $name) | fromYaml }}
{{- $at := printf "services.%s" $name }}
{{- range $callee := $service.calls }}
{{- if not (hasKey $values.services $callee) }}
- "{{ $at }}.calls has {{ $callee }}, which is not a service: services has {{ keys $values.services | sortAlpha | join ", " }}."
{{- else if eq $callee $name }}
- "{{ $at }}.calls has {{ $callee }} itself."
{{- else if eq (include "attune.service" (dict "root" $root "name" $callee) | fromYaml).kind "http" }}
- "{{ $at }}.calls has {{ $callee }}, which serves HTTP, and services call each other by gRPC."
{{- end }}
{{- end }}
{{- range $service.egress }}
{{- if not (hasKey $values.networkPolicy.external .) }}
- "{{ $at }}.egress has {{ . }}, which is not in networkPolicy.external."
{{- end }}
{{- end }}
{{- if and $service.autoscaling.enabled $service.keda.enabled }}
- "{{ $at }}.autoscaling and {{ $at }}.keda are both enabled: they would scale the same pods; disable one."
{{- end }}
{{- range $scaler := list "autoscaling" "keda" }}
{{- $limits := get $service $scaler }}
{{- if and $limits.enabled (gt (int $limits.minReplicas) (int $limits.maxReplicas)) }}
- "{{ $at }}.{{ $scaler }}.minReplicas ({{ $limits.minReplicas }}) is more than maxReplicas ({{ $limits.maxReplicas }})."
{{- end }}
{{- end }}
{{- if $service.keda.enabled }}
{{- if not $service.consumer }}
- "{{ $at }}.keda is enabled, but {{ $name }} handles no events ({{ $at }}.consumer is empty)."
{{- end }}
{{- if not (include "attune.natsMonitoring" $root) }}
- "{{ $at }}.keda is enabled, but nats.monitoringEndpoint is empty."
{{- end }}
{{- end }}
{{- $needed := add (int $service.preStopSleepSeconds) (include "attune.shutdownSeconds" $service.kind | int) 5 }}
{{- if lt (int $service.terminationGracePeriodSeconds) (int $needed) }}
- "{{ $at }}.terminationGracePeriodSeconds is {{ $service.terminationGracePeriodSeconds }}, but stopping takes up to {{ $needed }} s: preStopSleepSeconds, {{ include "attune.shutdownSeconds" $service.kind }} s for running calls, and 5 s to close connections."
{{- end }}
{{- if and $service.databaseRole (ne $values.postgres.mode "external") }}
- "{{ $at }}.databaseRole is only for postgres.mode: external."
{{- end }}
{{- include "attune.validate.memory" (dict "at" $at "service" $service) }}
{{- end }}
{{- range $title, $job := $values.cronJobs }}
{{- range $name := append $job.databases $job.service }}
{{- if not (hasKey $values.services $name) }}
- "cronJobs.{{ $title }} names {{ $name }}, which is not a service."
{{- end }}
{{- end }}
{{- end }}
{{- $notifications := (include "attune.service" (dict "root" $root "name" "notifications") | fromYaml).settings }}
{{- if eq $notifications.CHANNEL "smtp" }}
{{- if hasSuffix "@localhost" $notifications.MAIL_FROM }}
- "services.notifications.settings.MAIL_FROM is {{ $notifications.MAIL_FROM }}: set the sender's address."
{{- end }}
{{- else if eq $values.global.environment "production" }}
- "services.notifications.settings.CHANNEL is {{ $notifications.CHANNEL }}: no mail would leave in production; set smtp."
{{- end }}
{{- end -}}

{{/* A quantity of memory in MiB, without its fraction. */}}
{{- define "attune.mebibytes" -}}
{{- if hasSuffix "Gi" . }}{{ mulf (trimSuffix "Gi" . | float64) 1024 | int }}
{{- else if hasSuffix "Mi" . }}{{ trimSuffix "Mi" . | float64 | int }}
{{- end -}}
{{- end -}}

{{/*
Refuse settings for which the limit of memory is too small: measured sizes (values.yaml), with a
fifth to spare. Limits in other units than Mi and Gi are refused by the schema.
*/}}
{{- define "attune.validate.memory" -}}
{{- $settings := .service.settings }}
{{- if not .service.resources.limits.memory }}
- "{{ .at }}.resources.limits.memory is missing: a pod without it may take all memory of its node."
{{- else }}
{{- $limit := include "attune.mebibytes" .service.resources.limits.memory | int }}
{{- $tmp := include "attune.mebibytes" .service.tmpSize | int }}
{{- $needed := add 136 $tmp | int }}
{{- $why := "" }}
{{- if hasKey $settings "CACHE_MEGABYTES" }}
{{- $needed = addf 136 $tmp (mulf 1.3 (int $settings.CACHE_MEGABYTES)) | ceil | int }}
{{- $why = printf " with %v CACHE_MEGABYTES" $settings.CACHE_MEGABYTES }}
{{- else if eq .service.kind "http" }}
{{- $needed = add 120 $tmp (mul 170 (int $settings.WEB_WORKERS)) | int }}
{{- $why = printf " with %v WEB_WORKERS" $settings.WEB_WORKERS }}
{{- end }}
{{- if lt $limit $needed }}
- "{{ .at }}.resources.limits.memory is {{ .service.resources.limits.memory }}, but the service needs {{ $needed }}Mi{{ $why }}."
{{- end }}
{{- end }}
{{- end -}}

{{- define "attune.validate.exposure" -}}
{{- $exposure := .Values.exposure }}
{{- if and $exposure.gatewayApi.enabled (not $exposure.gatewayApi.parentRefs) }}
- "exposure.gatewayApi.parentRefs is empty: name the Gateway that the route belongs to."
{{- end }}
{{- if and $exposure.ingress.tls.certManagerIssuer (not $exposure.ingress.tls.secretName) }}
- "exposure.ingress.tls.secretName is empty: name the Secret that the issuer makes."
{{- end }}
{{- if and $exposure.ingress.enabled (eq .Values.global.environment "production") (not $exposure.ingress.tls.secretName) }}
- "exposure.ingress.tls.secretName is empty: production needs TLS."
{{- end }}
{{- end -}}

{{/*
The connections that one pod of a service opens to its database: `common.service` has a thread for
each call and eight more that query; the gateway has three quarters of its threads and two more, in
each worker. A test compares them with the code.
*/}}
{{- define "attune.connections" -}}
{{- if eq .kind "http" -}}
{{- mul (int .settings.WEB_WORKERS) (add 2 (max 1 (div (mul 3 (int .settings.WEB_THREADS)) 4))) -}}
{{- else -}}
{{- add 8 (int .settings.GRPC_WORKERS) -}}
{{- end -}}
{{- end -}}

{{/* All connections, with one more pod of each service during an upgrade, and ten for operators. */}}
{{- define "attune.validate.connections" -}}
{{- $root := . }}
{{- $all := 10 }}
{{- $parts := list }}
{{- range $name, $_ := .Values.services }}
{{- $service := include "attune.service" (dict "root" $root "name" $name) | fromYaml }}
{{- $pods := add 1 (include "attune.mostReplicas" $service | int) }}
{{- $each := include "attune.connections" $service | int }}
{{- $all = add $all (mul $pods $each) }}
{{- $parts = append $parts (printf "%s %d × %d" $name (int $pods) $each) }}
{{- end }}
{{- if gt (int $all) (int .Values.postgres.maxConnections) }}
- "postgres.maxConnections is {{ .Values.postgres.maxConnections | int }}, but up to {{ $all }} connections are opened, with one more pod of each service during an upgrade and 10 for operators ({{ join ", " $parts }}): lower services.<name>.autoscaling.maxReplicas, replicas, or settings.GRPC_WORKERS, or raise postgres.maxConnections, with a pooler if need be."
{{- end }}
{{- end -}}
