"""Commands that real images have and this shell lacks: they are refused by name instead of "not found"."""

from __future__ import annotations

_BUSYBOX = """
acpid add-shell addgroup adduser adjtimex arch arp arping ascii ash base32 bc beep blkid bunzip2 busybox bzcat bzip2
cal chattr chgrp chown chroot chvt cksum clear cmp comm conspy cpio crond crontab cryptpw dc deallocvt delgroup
deluser depmod devmem df diff dnsd dnsdomainname dos2unix dpkg du dumpkmap dumpleases ed egrep eject expand factor
fdisk fgrep flock fold free fsync ftpd ftpget ftpput fuser getopt getty groups gunzip gzip halt hexdump hostid hwclock
ifconfig init inotifyd insmod install ionice iostat ip ipcalc ipcrm ipcs join killall less link ln logger login
logname logread losetup lsmod lsof lspci lsusb lzcat lzma lzop makemime mesg microcom mkfifo mknod mkpasswd mkswap
modprobe more mount mountpoint mpstat nanddump netstat nmeter nologin nsenter ntpd od openvt passwd paste patch pgrep
pidof ping ping6 pkill pmap poweroff pr ps pstree pwd pwdx readahead readprofile reboot reformime remove-shell renice
reset resize resume rmdir rmmod route run-parts sendmail setarch setpriv setsid sh sha3sum showkey shred shuf slattach
smemcap split ssl_client start-stop-daemon strings stty su sum svc swapoff swapon switch_root sysctl syslogd tar tc
tcpsvd telnet telnetd tftp time top traceroute ts tsort tty ttysize tunctl ubirename udhcpc umount uncompress unexpand
unix2dos unlink unlzma unshare unxz unzip uptime usleep users uudecode uuencode vi vlock volname w wall watch watchdog
which who whois xxd xz xzcat zcat
"""

_GNU = """
apt apt-get arch b2sum base32 basenc bash chcon chgrp chown chroot cksum clear cmp comm csplit curl df diff dircolors
dpkg du egrep expand factor fgrep flock fmt fold free gawk getent gpg groups gzip gunzip hostid install ionice ip join
less link ln logger login logname mawk microdnf mkfifo mknod more mount mountpoint numfmt od openssl passwd paste patch
pathchk perl pgrep pidof ping pinky pip pip3 pkill pmap pr ps ptx pwd python python3 renice rmdir rpm runcon setpriv
setsid sha224sum sha384sum shred shuf split stdbuf stty su sum tar top tsort tty umount unexpand unlink unshare unzip
uptime useradd users vdir vi watch which who yum dnf zcat
"""

KNOWN: dict[str, frozenset[str]] = {
    "none": frozenset(),
    "alpine": frozenset(_BUSYBOX.split()),
    "debian": frozenset(_GNU.split()) - {"curl", "python", "python3", "pip", "pip3", "rpm", "microdnf", "yum", "dnf"},
    "ubi": frozenset(_GNU.split()) - {"apt", "apt-get", "dpkg", "python", "pip"},
}
