{{- define "cnikit.labels" -}}
app.kubernetes.io/name: cnikit-agent
app.kubernetes.io/part-of: cnikit
{{- end }}

{{- define "cnikit.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Arguments after `run`: only values that differ from the agent's defaults. */}}
{{- define "cnikit.args" -}}
{{- $args := list "run" -}}
{{- with .Values.agent -}}
{{- if ne .encap "auto" }}{{ $args = append $args (printf "--encap=%s" .encap) }}{{ end -}}
{{- range .serviceCIDRs }}{{ $args = append $args (printf "--service-cidr=%s" .) }}{{ end -}}
{{- range .nonMasqueradeCIDRs }}{{ $args = append $args (printf "--non-masquerade-cidr=%s" .) }}{{ end -}}
{{- if ne .packetFilter "auto" }}{{ $args = append $args (printf "--packet-filter=%s" .packetFilter) }}{{ end -}}
{{- if ne .layout "routed" }}{{ $args = append $args (printf "--layout=%s" .layout) }}{{ end -}}
{{- with .foreignSourceNamespaces }}{{ $args = append $args (printf "--foreign-source-namespaces=%s" (join "," .)) }}{{ end -}}
{{- if .macFromAddress }}{{ $args = append $args "--mac-from-address" }}{{ end -}}
{{- if .networkPolicy }}{{ $args = append $args "--network-policy" }}{{ end -}}
{{- if ne .policyEstablished "keep" }}{{ $args = append $args (printf "--policy-established=%s" .policyEstablished) }}{{ end -}}
{{- if ne (int .policyLog) 0 }}{{ $args = append $args (printf "--policy-log=%d" (int .policyLog)) }}{{ end -}}
{{- if .outsideInterface }}{{ $args = append $args (printf "--outside-interface=%s" .outsideInterface) }}{{ end -}}
{{- if ne (int .resyncInterval) 60 }}{{ $args = append $args (printf "--resync-interval=%d" (int .resyncInterval)) }}{{ end -}}
{{- $health := printf "%s:%d" .health.host (int .health.port) -}}
{{- if ne $health "127.0.0.1:9470" }}{{ $args = append $args (printf "--health-address=%s" $health) }}{{ end -}}
{{- if ne .logLevel "info" }}{{ $args = append $args (printf "--log-level=%s" .logLevel) }}{{ end -}}
{{- if .readinessTaint }}{{ $args = append $args (printf "--node-readiness-taint=%s" .readinessTaint) }}{{ end -}}
{{- if .chain }}{{ $args = append $args "--chain=/etc/cnikit/chain.json" }}{{ end -}}
{{- $args = concat $args .extraArgs -}}
{{- end -}}
{{- toYaml $args -}}
{{- end }}
