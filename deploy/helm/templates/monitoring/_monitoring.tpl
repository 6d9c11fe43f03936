{{/* Rules, dashboards, and scraping (docs/operations.md, Metrics and traces). */}}

{{/* PromQL matchers of the series of this release. */}}
{{- define "attune.scope" -}}
{{- .Values.monitoring.rules.scope | default (printf "namespace=%q" .Release.Namespace) -}}
{{- end -}}

{{/* An expression for this release: dict "root" "expr". */}}
{{- define "attune.expression" -}}
{{- .expr | replace "$scope" (include "attune.scope" .root) | replace "$namespace" .root.Release.Namespace -}}
{{- end -}}

{{/* Annotations of an alert: dict "root" "alert" "summary" "description" "dashboard". */}}
{{- define "attune.annotations" -}}
summary: {{ .summary | quote }}
description: {{ .description | quote }}
runbook: docs/runbooks/{{ .alert }}.md
{{- with .root.Values.monitoring.rules.runbookUrl }}
runbook_url: {{ printf "%s/%s.md" (trimSuffix "/" .) $.alert | quote }}
{{- end }}
dashboard_uid: {{ .dashboard | quote }}
{{- end -}}

{{/* What may be said of alerts, as YAML: the names of those of slos.yaml, and of the others. */}}
{{- define "attune.alerts" -}}
{{- range .Files.Get "files/slos.yaml" | fromYamlArray }}
{{ .alert }}: slo
{{- end }}
{{- range $path, $_ := .Files.Glob "files/alerts/*.yaml" }}
{{ base $path | trimSuffix ".yaml" }}: rule
{{- end }}
{{- end -}}

{{/* Refuse names that no alert and no objective has: they would silently change nothing. */}}
{{- define "attune.validateMonitoring" -}}
{{- $alerts := include "attune.alerts" . | fromYaml -}}
{{- $known := keys $alerts | sortAlpha | join ", " -}}
{{- $rules := .Values.monitoring.rules -}}
{{- range $rules.exclude -}}
{{- if not (hasKey $alerts .) -}}
{{- fail (printf "monitoring.rules.exclude: there is no alert %q; there are %s" . $known) -}}
{{- end -}}
{{- end -}}
{{- range $name, $override := $rules.overrides -}}
{{- if not (hasKey $alerts $name) -}}
{{- fail (printf "monitoring.rules.overrides.%s: there is no such alert; there are %s" $name $known) -}}
{{- end -}}
{{- $isObjective := eq (get $alerts $name) "slo" -}}
{{- if and (hasKey $override "threshold") (or $isObjective (eq $name "TelemetryAbsent")) -}}
{{- fail (printf "monitoring.rules.overrides.%s.threshold: this alert has no threshold%s" $name (ternary "; set monitoring.slo.objectives" "" $isObjective)) -}}
{{- end -}}
{{- end -}}
{{- $objectives := dict -}}
{{- range .Files.Get "files/slos.yaml" | fromYamlArray -}}
{{- $_ := set $objectives .name true -}}
{{- end -}}
{{- range $part := list "objectives" "minErrors" -}}
{{- range $name, $_ := get $.Values.monitoring.slo $part -}}
{{- if not (hasKey $objectives $name) -}}
{{- fail (printf "monitoring.slo.%s.%s: there is no such objective; there are %s" $part $name (keys $objectives | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
