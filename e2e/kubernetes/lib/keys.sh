# shellcheck shell=bash
# Certificates and kubeconfigs of every component. Sourced by cluster.sh.

cert() {    # cert NAME SUBJECT USAGE [SAN..]
    local n=$1 subj=$2 usage=$3 san; shift 3
    san=$(IFS=,; echo "$*")
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -batch -subj "$subj" \
        -keyout "$PKI/$n.key" -out "$PKI/$n.csr" 2>/dev/null
    { echo "basicConstraints=CA:FALSE"; echo "keyUsage=digitalSignature"; echo "extendedKeyUsage=$usage"
      [ -z "$san" ] || echo "subjectAltName=$san"; } >"$PKI/$n.ext"
    openssl x509 -req -in "$PKI/$n.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial \
        -days 3650 -sha256 -extfile "$PKI/$n.ext" -out "$PKI/$n.crt" 2>/dev/null
    rm -f "$PKI/$n.csr" "$PKI/$n.ext"
}

kubeconfig() {  # kubeconfig FILE NAME-OF-CERT
    cat >"$1" <<-YAML
	apiVersion: v1
	kind: Config
	clusters:
	- name: lab
	  cluster: {server: "$API", certificate-authority: $PKI/ca.crt}
	users:
	- name: $2
	  user: {client-certificate: $PKI/$2.crt, client-key: $PKI/$2.key}
	contexts:
	- name: lab
	  context: {cluster: lab, user: $2}
	current-context: lab
	YAML
}

keys() {
    umask 077
    PKI=$RUN/pki
    mkdir -p "$PKI"
    openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -batch -days 3650 -sha256 \
        -subj /CN=lab-ca -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature \
        -keyout "$PKI/ca.key" -out "$PKI/ca.crt" 2>/dev/null
    openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/sa.key"
    openssl ec -in "$PKI/sa.key" -pubout -out "$PKI/sa.pub" 2>/dev/null
    cert apiserver /CN=kube-apiserver serverAuth DNS:localhost DNS:kubernetes DNS:kubernetes.default \
        DNS:kubernetes.default.svc DNS:kubernetes.default.svc.cluster.local \
        IP:127.0.0.1 "IP:$NET4.1" "IP:${NET6}1" "IP:$SVC_FIRST"
    cert kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
    cert front-proxy /CN=front-proxy-client clientAuth
    cert admin /O=system:masters/CN=admin clientAuth
    cert controller-manager /CN=system:kube-controller-manager clientAuth
    cert scheduler /CN=system:kube-scheduler clientAuth
    cert proxy /CN=system:kube-proxy clientAuth
    local m
    for m in admin controller-manager scheduler proxy; do kubeconfig "$RUN/$m.kubeconfig" $m; done
    for m in $(node_names); do
        cert "$m" "/O=system:nodes/CN=system:node:$m" clientAuth
        cert "$m-serving" "/CN=$m" serverAuth "DNS:$m" "IP:$NET4.1${m#n}" "IP:${NET6}1${m#n}"
        kubeconfig "$RUN/$m.kubeconfig" "$m"
    done
    umask 022
}
