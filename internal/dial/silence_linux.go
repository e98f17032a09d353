package dial

import "syscall"

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall does not name: how many milliseconds sent data may
// stay unacknowledged.
const tcpUserTimeout = 0x12

// limitSilence is a best effort: a kernel that does not know the option still sends keep-alive probes.
func limitSilence(fd uintptr) {
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int((quiet + unanswered).Milliseconds()))
}
