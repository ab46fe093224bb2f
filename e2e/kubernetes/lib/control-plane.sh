# shellcheck shell=bash
# etcd, API server, controller manager, scheduler. Sourced by cluster.sh.

kctl() { machine_exec cp env HOME="$RUN/cp" kubectl --kubeconfig "$RUN/admin.kubeconfig" "$@"; }

# Dual stack is always enabled since Kubernetes 1.23; before that, a feature gate enables it.
dual_stack_gate() { [ "$FAMILY" = dual ] && [ "$KUBERNETES" = oldest ]; }

control_plane_first() {
    local gates=() svcs
    svcs=$(both "$SVC4" "$SVC6")
    if dual_stack_gate; then gates=(--feature-gates=IPv6DualStack=true); fi
    daemon cp etcd etcd --name lab --data-dir "$RUN/cp/etcd" --log-level warn --logger zap \
        --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
        --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
        --initial-cluster lab=http://127.0.0.1:2380
    until_ok 30 machine_exec cp env ETCDCTL_API=3 etcdctl --command-timeout=2s endpoint health || die "etcd did not come up"
    say "etcd is up"
    daemon cp kube-apiserver kube-apiserver --v="$V" "${gates[@]}" \
        --etcd-servers=http://127.0.0.1:2379 --advertise-address="$CP_IP" --secure-port=6443 \
        --service-cluster-ip-range="$svcs" --allow-privileged=true \
        --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
        --client-ca-file="$PKI/ca.crt" --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" \
        --kubelet-certificate-authority="$PKI/ca.crt" --kubelet-client-certificate="$PKI/kubelet-client.crt" \
        --kubelet-client-key="$PKI/kubelet-client.key" --kubelet-preferred-address-types=InternalIP \
        --service-account-issuer=https://kubernetes.default.svc.cluster.local \
        --service-account-signing-key-file="$PKI/sa.key" --service-account-key-file="$PKI/sa.pub" \
        --requestheader-client-ca-file="$PKI/ca.crt" --requestheader-allowed-names=front-proxy-client \
        --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
        --requestheader-extra-headers-prefix=X-Remote-Extra- \
        --proxy-client-cert-file="$PKI/front-proxy.crt" --proxy-client-key-file="$PKI/front-proxy.key"
}

control_plane_second() {
    local gates=() pods svcs masks
    pods=$(both "$POD4" "$POD6") svcs=$(both "$SVC4" "$SVC6")
    if dual_stack_gate; then gates=(--feature-gates=IPv6DualStack=true); fi
    case $FAMILY in
    dual) masks=(--node-cidr-mask-size-ipv4=24 --node-cidr-mask-size-ipv6=64) ;;
    ipv4) masks=(--node-cidr-mask-size=24) ;;
    ipv6) masks=(--node-cidr-mask-size=64) ;;
    esac
    until_ok 90 kctl get --raw /readyz || die "kube-apiserver did not come up; see $RUN/cp/log"
    say "kube-apiserver is up: $(kctl version -o json | jq -r .serverVersion.gitVersion)"
    daemon cp kube-controller-manager kube-controller-manager --v="$V" "${gates[@]}" \
        --kubeconfig="$RUN/controller-manager.kubeconfig" --leader-elect=false \
        --allocate-node-cidrs=true --cluster-cidr="$pods" "${masks[@]}" --service-cluster-ip-range="$svcs" \
        --use-service-account-credentials=true --service-account-private-key-file="$PKI/sa.key" \
        --root-ca-file="$PKI/ca.crt" --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
        --configure-cloud-routes=false --bind-address=127.0.0.1 --flex-volume-plugin-dir="$RUN/cp/volume-plugins"
    daemon cp kube-scheduler kube-scheduler --v="$V" "${gates[@]}" \
        --kubeconfig="$RUN/scheduler.kubeconfig" --leader-elect=false --bind-address=127.0.0.1
}
