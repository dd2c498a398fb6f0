# What is built, of what, and how. Every build_NAME runs in an empty folder that becomes the piece; builders of
# images end in a tag. Sourced by up and by every build.

# shellcheck shell=bash disable=SC2034,SC2154 # names that up uses, and lib.sh's
kubernetes=v1.36.3 # also in kubernetes/go.mod
kind=v0.33.0
containerd=v2.2.1
coredns=v1.14.2
kafka=4.1.0 # also in images/kafka/pom.xml

node_image=healgate-node:$kubernetes
base_image=healgate-base:bookworm
kafka_image=healgate-kafka:$kafka

declare -A INPUTS=(
  [kubernetes]="$kubernetes kubernetes/"
  [kind]="$kind"
  [containerd]="$containerd"
  [coredns]="$coredns"
  [pause]="$kubernetes"
  [kafka_jars]="images/kafka/pom.xml"
  [debian_root]=""
  [debian]="@debian_root"
  [base]="@debian images/base/"
  [kafka]="@base @kafka_jars images/kafka/"
  [node_os]="@debian images/node/os.Dockerfile"
  [node]="@node_os @kubernetes @containerd @coredns @pause $kind images/node/"
)

# --- programs from Go modules

export CGO_ENABLED=0
go_install() { GOBIN=$PWD nice go install -trimpath -ldflags '-s -w' "$@"; }
module_folder() { go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

build_kubernetes() {
  local version=k8s.io/component-base/version minor=${kubernetes#v1.}
  # Without major and minor kubeadm refuses its own version, and clients that read /version stumble.
  local set="-X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=${minor%.*}"
  nice go build -C "$here/kubernetes" -buildvcs=false -mod=readonly -trimpath -ldflags "-s -w $set" -o "$PWD/kubernetes" .
  for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubeadm kubectl etcd; do
    ln -s kubernetes "$name"
  done
}

build_kind() { go_install "sigs.k8s.io/kind@$kind"; }

build_containerd() {
  go_install "github.com/containerd/containerd/v2/cmd/"{containerd,ctr,containerd-shim-runc-v2}"@$containerd"
}

build_coredns() { go_install "github.com/coredns/coredns@$coredns"; }

# The process that holds a pod's namespaces: C, since one runs for every pod and Go would take twice the memory.
build_pause() {
  gcc -Os -static -s "-DVERSION=$kubernetes" -o pause "$(module_folder "k8s.io/kubernetes@$kubernetes")/build/pause/linux/pause.c"
}

# --- jars from Maven Central

build_kafka_jars() {
  mvn -q -B -f "$here/images/kafka/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$PWD/libs"
}

# --- images

docker_build() { docker build --quiet --force-rm --network host "$@" .; }

build_debian_root() {
  debootstrap --variant=minbase --include=ca-certificates bookworm root
  cat >root/etc/dpkg/dpkg.cfg.d/small <<'END'
path-exclude /usr/share/doc/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
force-unsafe-io
END
  # The same mirrors and security updates as this machine.
  if [[ -e /etc/apt/sources.list.d/debian.sources ]]; then
    cp /etc/apt/sources.list.d/debian.sources root/etc/apt/sources.list.d/ && : >root/etc/apt/sources.list
  fi
  rm -rf root/var/cache/apt/* root/var/lib/apt/lists/* root/var/log/* root/usr/share/{doc,locale}/* root/usr/share/man/man*/*
  tar -C root --numeric-owner -cf root.tar . && rm -rf root
}

build_debian() { docker import "$(folder debian_root)/root.tar" "$(image debian)"; }

build_base() {
  cp "$here/images/base/Dockerfile" .
  docker_build --build-arg "debian=$(image debian)" --tag "$(image base)"
}

build_kafka() {
  cp "$here/images/kafka/Dockerfile" "$here/images/kafka/share-classes" .
  cp -r "$(folder kafka_jars)/libs" .
  docker_build --build-arg "base=$(image base)" --tag "$(image kafka)"
}

build_node_os() {
  cp "$here/images/node/os.Dockerfile" Dockerfile
  docker_build --build-arg "debian=$(image debian)" --tag "$(image node_os)"
}

# The node: a root with kind's files, containerd and Kubernetes, and the control plane's images in its containerd.
build_node() {
  local os part name container=healgate-build-node
  os=$(image node_os)
  mkdir parts pause node
  for name in parts pause node; do cp "$here/images/node/$name.Dockerfile" "$name/Dockerfile"; done

  cp -a "$(folder kubernetes)" parts/bin
  cp "$(folder coredns)/coredns" parts/
  (cd parts && docker_build --build-arg "os=$os" --tag healgate-build/parts:new)
  docker run --rm --network none --entrypoint iptables healgate-build/parts:new --version
  cp "$(folder pause)/pause" pause/
  (cd pause && docker_build --tag healgate-build/pause:new)

  # kind's own files, out of its module; a module keeps no run bits.
  cp -r --no-preserve=mode "$(module_folder "sigs.k8s.io/kind@$kind")/images/base/files" node/kind
  cp -r "$here/images/node/kind/." node/kind/kind/
  cp "$here/images/node/crictl" node/kind/usr/local/bin/
  cp -r "$here/images/node/etc" node/etc
  chmod +x node/kind/usr/local/bin/* node/kind/kind/bin/*
  cp -a "$(folder containerd)" node/containerd
  cp -a "$(folder kubernetes)" node/kubernetes
  (cd node && docker_build --build-arg "os=$os" --tag healgate-build/node:empty)

  docker rm --force --volumes "$container" 2>/dev/null || true
  docker run --detach --name "$container" --privileged --network none --entrypoint sleep healgate-build/node:empty infinity
  docker exec --detach "$container" containerd
  timeout 30 docker exec "$container" sh -c 'until ctr version >/dev/null 2>&1; do sleep 0.2; done'
  # shellcheck disable=SC2046 # one word each
  set -- $(docker exec "$container" kubeadm config images list --kubernetes-version "$kubernetes")
  for name; do
    part=parts && [[ $name == */pause:* ]] && part=pause
    docker tag "healgate-build/$part:new" "$name"
  done
  docker save "$@" | docker exec --interactive "$container" ctr -n k8s.io images import \
    --label io.cri-containerd.pinned=pinned --all-platforms --no-unpack --digests -
  docker rmi "$@"
  docker exec "$container" sh -c 'pkill containerd; while pgrep -x containerd; do sleep 0.1; done; rm -rf /run/containerd'
  docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' --change 'CMD []' "$container" "$(image node)"
  docker rm --force --volumes "$container"
  docker rmi healgate-build/parts:new healgate-build/pause:new healgate-build/node:empty
}
