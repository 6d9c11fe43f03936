{{/* The pod template of a service: dict "root" "name" "service". */}}
{{- define "attune.pod" -}}
{{- $root := .root -}}
{{- $service := .service -}}
{{- $values := $root.Values -}}
metadata:
  labels:
    {{- include "attune.podLabels" . | nindent 4 }}
    {{- with $service.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # A changed configuration restarts the pods.
    attune/config: {{ include "attune.environment" . | sha256sum | trunc 16 | quote }}
    attune/secret-version: {{ $values.secrets.version | toString | quote }}
    {{- with $service.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "attune.podBasics" . | nindent 2 }}
  serviceAccountName: {{ include "attune.name" . }}
  terminationGracePeriodSeconds: {{ $service.terminationGracePeriodSeconds }}
  {{- with $service.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $service.spread }}
  topologySpreadConstraints:
    {{- range $service.spread }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "attune.selector" (dict "root" $root "name" $.name) | nindent 10 }}
    {{- end }}
  {{- end }}
  initContainers:
    - name: wait-for-schema
      {{- include "attune.container" . | nindent 6 }}
      command: ["attune", "wait-for-schema", {{ .name | quote }}, "--seconds", {{ $values.migrations.waitSeconds | toString | quote }}]
      env:
        - name: DATABASE_URL_FILE
          value: /run/attune/secrets/database_url
      resources:
        {{- toYaml $values.migrations.resources | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: secrets, mountPath: /run/attune/secrets, readOnly: true}
  containers:
    - name: {{ .name }}
      {{- include "attune.container" . | nindent 6 }}
      envFrom:
        - configMapRef:
            name: {{ include "attune.name" . }}
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: OTEL_RESOURCE_ATTRIBUTES
          value: k8s.namespace.name={{ $root.Release.Namespace }},k8s.pod.name=$(POD_NAME),service.version={{ $root.Chart.AppVersion }}
        {{- with $service.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: {{ $service.kind }}
          containerPort: {{ include "attune.port" $service.kind }}
          protocol: TCP
        {{- if eq $service.kind "grpc" }}
        - name: health
          containerPort: {{ include "attune.healthPort" . }}
          protocol: TCP
        {{- end }}
      {{- include "attune.probes" . | trim | nindent 6 }}
      lifecycle:
        preStop:
          exec:
            # Callers and proxies learn in this time that the pod takes no new calls.
            command: ["python", "-c", "import time; time.sleep({{ $service.preStopSleepSeconds }})"]
      resources:
        {{- toYaml $service.resources | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: secrets, mountPath: /run/attune/secrets, readOnly: true}
        {{- if $values.tls.internal.enabled }}
        - {name: tls, mountPath: /run/attune/tls, readOnly: true}
        {{- end }}
        {{- with $service.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - {{ include "attune.tmp" $service.tmpSize | indent 6 | trim }}
    - {{ include "attune.secretVolume" (dict "root" $root "secrets" (include "attune.secrets" . | fromYaml)) | indent 6 | trim }}
    {{- if $values.tls.internal.enabled }}
    - {{ include "attune.tlsVolume" . | indent 6 | trim }}
    {{- end }}
    {{- with $service.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* What every pod of ours has: dict "root" "service". */}}
{{- define "attune.podBasics" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.global.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .service.priorityClassName | default .root.Values.global.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- toYaml .service.podSecurityContext | nindent 2 }}
{{- with .service.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .service.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What every container of ours has: dict "root" "name" "service". */}}
{{- define "attune.container" -}}
image: {{ include "attune.image" . }}
imagePullPolicy: {{ .root.Values.global.image.pullPolicy }}
securityContext:
  {{- toYaml .service.containerSecurityContext | nindent 2 }}
{{- end -}}

{{- define "attune.tmp" -}}
name: tmp
emptyDir: {medium: Memory, sizeLimit: {{ . }}}
{{- end -}}

{{- define "attune.tlsVolume" -}}
name: tls
secret:
  secretName: {{ include "attune.name" . }}-tls
  defaultMode: 0440
{{- end -}}

{{/*
The kubelet asks the plain health port, since its gRPC probes speak no TLS. Liveness depends on
nothing outside the process.
*/}}
{{- define "attune.probes" -}}
{{- $probes := .service.probes -}}
{{- $kind := .service.kind -}}
{{- $health := include "attune.healthPort" . -}}
{{- range $probe := list "startup" "readiness" "liveness" }}
{{ $probe }}Probe:
  {{- $asks := ternary "readiness" "liveness" (eq $probe "readiness") }}
  {{- if eq $kind "http" }}
  httpGet:
    path: {{ ternary "/readyz" "/healthz" (eq $asks "readiness") }}
    port: http
  {{- else }}
  grpc:
    port: {{ $health }}
    service: {{ $asks }}
  {{- end }}
  {{- toYaml (get $probes $probe) | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
What the pods of servers that are not ours have: dict "root" "name" "uid", the user of the image.
OpenShift's ids follow from nulls in `defaults.podSecurityContext`.
*/}}
{{- define "attune.serverBasics" -}}
{{- $security := deepCopy .root.Values.defaults.podSecurityContext -}}
{{- $uid := .uid -}}
{{- range $field := list "runAsUser" "runAsGroup" "fsGroup" -}}
{{- if hasKey $security $field }}{{ $_ := set $security $field $uid }}{{ end -}}
{{- end -}}
automountServiceAccountToken: false
enableServiceLinks: false
serviceAccountName: {{ include "attune.name" . }}
{{- with .root.Values.global.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.global.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- toYaml $security | nindent 2 }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 1
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "attune.selector" . | nindent 14 }}
{{- end -}}
