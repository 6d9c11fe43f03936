{{/* The helm tests, as YAML: name → command. */}}
{{- define "attune.tests" -}}
{{- $host := include "attune.host" (dict "root" . "name" "gateway") -}}
{{- $url := printf "http://%s:%s" $host (include "attune.port" "http") -}}
smoke: {{ list "python" "-c" "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())" (printf "%s/readyz" $url) | toJson }}
{{- with .Values.smokeTest.provider }}
booking-round-trip: {{ list "attune" "smoke" $url "--provider" . | toJson }}
{{- end }}
{{- end -}}
