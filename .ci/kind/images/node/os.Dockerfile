ARG debian
FROM $debian
RUN apt-get update -qq && apt-get install -qqy --no-install-recommends \
    systemd systemd-sysv dbus procps iproute2 iptables nftables ethtool socat conntrack mount kmod curl jq \
    runc containernetworking-plugins hostname \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
