# One image for every part of the control plane: kube-proxy's iptables with what that needs of Debian, and the programs.
# kubeadm asks for six names; all are tags of this one, so that a node stores and unpacks it once.
ARG os
FROM $os AS os
# The folders first: Debian's /lib and /sbin are links to them.
RUN mkdir -p /parts/usr/lib /parts/usr/lib64 /parts/usr/sbin /parts/usr/bin /parts/tmp && chmod 1777 /parts/tmp \
 && { dpkg -L libc6 iptables libxtables12 libmnl0 libnfnetlink0 libnetfilter-conntrack3 libnftnl11 libip4tc2 libip6tc2 netbase; \
      ls /usr/sbin/ip*tables* /etc/alternatives/ip*tables*; } \
  | grep -vE '^/usr/share|/gconv|\.gz$' | while read -r f; do if [ -L "$f" ] || [ ! -d "$f" ]; then echo "$f"; fi; done \
  | xargs cp -a --parents -t /parts
FROM scratch
COPY --from=os /parts/ /
COPY bin/ /usr/local/bin/
COPY coredns /coredns
ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENTRYPOINT ["/coredns"]
