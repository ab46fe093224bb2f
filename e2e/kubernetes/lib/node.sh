# shellcheck shell=bash
# containerd, kubelet and kube-proxy of a node. Sourced by cluster.sh.

containerd_config() {
    if [ "$KUBERNETES" = oldest ]; then
        cat <<-TOML
		version = 2
		root = "/var/lib/containerd"
		state = "/run/containerd"
		oom_score = 0
		[grpc]
		  address = "/run/containerd/containerd.sock"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "localhost/pause:1"
		  # for a machine where root may not lower oom_score_adj
		  restrict_oom_score_adj = true
		  [plugins."io.containerd.grpc.v1.cri".containerd]
		    snapshotter = "overlayfs"
		    default_runtime_name = "runc"
		    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		      runtime_type = "io.containerd.runc.v2"
		      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
		        BinaryName = "$BIN/runc"
		        SystemdCgroup = false
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "/opt/cni/bin"
		    conf_dir = "/etc/cni/net.d"
		    max_conf_num = 1
		TOML
    else
        cat <<-TOML
		version = 3
		root = "/var/lib/containerd"
		state = "/run/containerd"
		oom_score = 0
		[grpc]
		  address = "/run/containerd/containerd.sock"
		[plugins."io.containerd.cri.v1.images"]
		  snapshotter = "overlayfs"
		  [plugins."io.containerd.cri.v1.images".pinned_images]
		    sandbox = "localhost/pause:1"
		[plugins."io.containerd.cri.v1.runtime"]
		  # for a machine where root may not lower oom_score_adj
		  restrict_oom_score_adj = true
		  [plugins."io.containerd.cri.v1.runtime".containerd]
		    default_runtime_name = "runc"
		    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
		      runtime_type = "io.containerd.runc.v2"
		      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
		        BinaryName = "$BIN/runc"
		        SystemdCgroup = false
		  [plugins."io.containerd.cri.v1.runtime".cni]
		    bin_dirs = [${KUBELAB_CNI_FIRST:+"\"$KUBELAB_CNI_FIRST\", "}"/opt/cni/bin"]
		    conf_dir = "/etc/cni/net.d"
		    max_conf_num = 1
		TOML
    fi
}

node_runtime() {
    local m=$1 d=$RUN/$1 a
    cgroups_make "$m"
    containerd_config >"$d/containerd.toml"
    daemon "$m" containerd containerd --config "$d/containerd.toml"
    until_ok 30 machine_exec "$m" ctr -a /run/containerd/containerd.sock version || die "containerd on $m did not come up"
    for a in "$IMAGES"/*.tar; do
        machine_exec "$m" ctr -n k8s.io images import "$a" >>"$d/log/import.log" 2>&1
    done
}

node_kubelet() {
    local m=$1 i=${1#n} d=$RUN/$1 ip gate=() extra flags=()
    ip=$(both "$NET4.1$i" "${NET6}1$i")
    if [ "$KUBERNETES" = oldest ]; then
        extra='featureGates: {}'
        flags=(--container-runtime=remote --container-runtime-endpoint=unix:///run/containerd/containerd.sock
            --pod-infra-container-image=localhost/pause:1)
        if dual_stack_gate; then
            gate=(--feature-gates=IPv6DualStack=true)
            extra='featureGates: {IPv6DualStack: true}'
        fi
    else
        # A machine may still have version 1 of the control groups.
        extra='containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock"
failCgroupV1: false'
    fi
    echo "nameserver $DNS_IP" >"$d/resolv.conf"
    cat >"$d/kubelet.yaml" <<-YAML
	apiVersion: kubelet.config.k8s.io/v1beta1
	kind: KubeletConfiguration
	address: "$(all_addresses)"
	authentication:
	  anonymous: {enabled: false}
	  webhook: {enabled: true}
	  x509: {clientCAFile: $PKI/ca.crt}
	authorization: {mode: Webhook}
	tlsCertFile: $PKI/$m-serving.crt
	tlsPrivateKeyFile: $PKI/$m-serving.key
	cgroupDriver: cgroupfs
	cgroupRoot: /$CGROUP-$m
	clusterDNS: ["$DNS_IP"]
	clusterDomain: cluster.local
	resolvConf: $d/resolv.conf
	staticPodPath: /etc/kubernetes/manifests
	volumePluginDir: /var/lib/kubelet/volume-plugins
	failSwapOn: false
	maxOpenFiles: $(ulimit -Hn | grep -x '[0-9]*' || echo 1000000)
	evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
	imageGCHighThresholdPercent: 100
	nodeStatusUpdateFrequency: 4s
	$extra
	YAML
    # It would ask the cloud's metadata address for image registry credentials,
    # ten seconds long, and make a folder under /usr/libexec.
    daemon "$m" kubelet env AWS_EC2_METADATA_DISABLED=true \
        kubelet --v="$V" --config="$d/kubelet.yaml" --kubeconfig="$RUN/$m.kubeconfig" \
        --hostname-override="$m" --node-ip="$ip" --root-dir=/var/lib/kubelet --cert-dir=/var/lib/kubelet/pki "${flags[@]}"
    if [ "$PROXY" != 0 ]; then
        daemon "$m" kube-proxy kube-proxy --v="$V" "${gate[@]}" --kubeconfig="$RUN/proxy.kubeconfig" \
            --hostname-override="$m" --proxy-mode="$PROXY" --cluster-cidr="$(both "$POD4" "$POD6")" --bind-address="$(all_addresses)" \
            --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
    fi
}

all_addresses() { if has4; then echo 0.0.0.0; else echo ::; fi; }
