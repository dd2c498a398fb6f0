# A kind node: what kind's own images/base/Dockerfile does, without what a host with fewer capabilities refuses.
ARG os
FROM $os
COPY kind/ /
COPY containerd/ /usr/local/bin/
COPY kubernetes/ /usr/bin/
COPY etc/ /etc/
# The units that mean nothing in a container go, as in kind's. containerd's limits and its OOM score need
# CAP_SYS_RESOURCE; so do the rlimits in the default spec of a container. The spec is kind's without its hook
# that hides the machine's product name, which starts a shell and jq for every container. The entrypoint looks up
# a name that Docker's own desktop has, and waits for a name server that no container may reach. What starts a container
# reads the list of all mounts again and again, so that layers lie where the way to them is short.
RUN find /lib/systemd/system/sysinit.target.wants/ -name systemd-tmpfiles-setup.service -delete \
 && rm -f /lib/systemd/system/multi-user.target.wants/* /etc/systemd/system/*.wants/* \
      /lib/systemd/system/local-fs.target.wants/* /lib/systemd/system/sockets.target.wants/*udev* \
      /lib/systemd/system/sockets.target.wants/*initctl* /lib/systemd/system/basic.target.wants/* \
 && echo ReadKMsg=no >> /etc/systemd/journald.conf \
 && ln -sf /usr/lib/systemd/systemd /sbin/init \
 && sed -i '/^Limit/d; /^TasksMax/d; /^OOMScoreAdjust/d' /etc/systemd/system/containerd.service \
 && systemctl enable kubelet.service containerd.service undo-mount-hacks.service \
 && systemctl mask systemd-binfmt.service \
 && sed -i "s/timeout 5 getent ahostsv4 'host.docker.internal'/true/" /usr/local/bin/entrypoint \
 && mkdir -p /etc/kubernetes/manifests /etc/containerd/certs.d /opt/cni/bin /kind/manifests \
 && cp /usr/lib/cni/* /opt/cni/bin/ \
 && ctr oci spec | jq 'del(.process.rlimits)' > /etc/containerd/cri-base.json \
 && sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/; s/SystemdCgroup = true/SystemdCgroup = false/; s,^\( *sandbox_image = \).*,\1"'$(kubeadm config images list 2>/dev/null | grep pause)'",' /etc/containerd/config.toml \
 && printf '\n[plugins."io.containerd.grpc.v1.cri".registry]\n  # read at every pull: a mirror can be added to a running node\n  config_path = "/etc/containerd/certs.d"\n\n[plugins."io.containerd.snapshotter.v1.overlayfs"]\n  root_path = "/var/o"\n' >> /etc/containerd/config.toml \
 && kubeadm version -o short > /kind/version
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]
