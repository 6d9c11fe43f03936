{{- define "attune.collectorConfiguration" -}}
{{- $collector := .Values.telemetry.collector -}}
extensions:
  health_check: {endpoint: {{ .Values.global.listenAddress }}:13133}
receivers:
  otlp:
    protocols:
      grpc: {endpoint: {{ .Values.global.listenAddress }}:4317}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 75, spike_limit_percentage: 20}
  batch: {}
exporters:
  prometheus:
    endpoint: {{ .Values.global.listenAddress }}:8889
    # A pod that is gone is forgotten after this time.
    metric_expiration: 3m
  {{- if $collector.tracesEndpoint }}
  otlp:
    endpoint: {{ $collector.tracesEndpoint }}
    tls: {insecure: {{ hasPrefix "http://" $collector.tracesEndpoint }}}
  {{- else }}
  nop: {}
  {{- end }}
service:
  extensions: [health_check]
  pipelines:
    metrics:
      receivers: [otlp]
      processors: [memory_limiter, batch]
      exporters: [prometheus]
    traces:
      receivers: [otlp]
      processors: [memory_limiter, batch]
      exporters: [{{ ternary "otlp" "nop" (not (empty $collector.tracesEndpoint)) }}]
{{- end -}}
