"""Commands that real images have and this shell lacks: they are refused by name instead of "not found"."""

from __future__ import annotations

_BUSYBOX = """
acpid add-shell addgroup adduser adjtimex arch arp arping ascii ash awk base32 base64 bc beep blkid bunzip2 bzcat bzip2
cal chattr chgrp chown chroot chvt cksum clear cmp comm conspy cpio crond crontab cryptpw cut dc deallocvt delgroup
deluser depmod devmem df diff dnsd dnsdomainname dos2unix dpkg du dumpkmap dumpleases ed egrep eject expand expr factor
fallocate fdisk fgrep find flock fold free fsync ftpd ftpget ftpput fuser getopt getty groups gunzip gzip halt hexdump
hostid hwclock id ifconfig init inotifyd insmod install ionice iostat ip ipcalc ipcrm ipcs join kill killall less link
ln logger login logname logread losetup lsmod lsof lspci lsusb lzcat lzma lzop makemime md5sum mesg microcom mkfifo
mknod mkpasswd mkswap mktemp modprobe more mount mountpoint mpstat nanddump netstat nice nl nmeter nohup nologin
nproc nsenter ntpd od openvt passwd paste patch pgrep pidof ping ping6 pkill pmap poweroff pr ps pstree pwd pwdx
readahead readlink readprofile realpath reboot reformime remove-shell renice reset resize resume rev rmdir rmmod route
run-parts sed sendmail setarch setpriv setsid sh sha1sum sha256sum sha3sum sha512sum showkey shred shuf slattach
smemcap split ssl_client start-stop-daemon stat strings stty su sum svc swapoff swapon switch_root sysctl syslogd tac
tar tc tcpsvd telnet telnetd tftp time top tr traceroute truncate ts tsort tty ttysize tunctl ubirename udhcpc umount
uncompress unexpand uniq unix2dos unlink unlzma unshare unxz unzip uptime usleep users uudecode uuencode vi vlock
volname w wall watch watchdog which who whois xargs xxd xz xzcat yes zcat
"""

_GNU = """
apt apt-get arch awk b2sum base32 base64 basenc bash cat chcon chgrp chown chroot cksum clear cmp comm csplit curl cut
df diff dircolors dpkg du egrep expand expr factor fgrep find flock fmt fold free gawk getent gpg groups gzip gunzip
hostid id install ionice ip join less link ln logger login logname mawk md5sum microdnf mkfifo mknod mktemp more mount
mountpoint nice nl nohup nproc numfmt od openssl passwd paste patch pathchk perl pgrep pidof ping pinky pip pip3 pkill
pmap pr ps ptx pwd python python3 readlink realpath renice rmdir rpm runcon sed setpriv setsid sha1sum sha224sum
sha256sum sha384sum sha512sum shred shuf split stat stdbuf stty su sum tac tar top tr truncate tsort tty umount
unexpand uniq unlink unshare unzip uptime useradd users vdir vi watch which who xargs yes yum dnf zcat
"""

KNOWN: dict[str, frozenset[str]] = {
    "none": frozenset(),
    "alpine": frozenset(_BUSYBOX.split()),
    "debian": frozenset(_GNU.split()) - {"curl", "python", "python3", "pip", "pip3", "rpm", "microdnf", "yum", "dnf"},
    "ubi": frozenset(_GNU.split()) - {"apt", "apt-get", "dpkg", "python", "pip"},
}
