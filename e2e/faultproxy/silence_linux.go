package faultproxy

import (
	"net"
	"syscall"
)

// dropPackets has the kernel drop every packet that arrives for a connection before TCP sees it, so that none is
// acknowledged: the filter takes no byte of any (socket(7), SO_ATTACH_FILTER).
func dropPackets(c net.Conn) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // it is closed
	}
	_ = raw.Control(func(fd uintptr) {
		nothing := []syscall.SockFilter{{Code: syscall.BPF_RET | syscall.BPF_K, K: 0}}
		_ = syscall.AttachLsf(int(fd), nothing) //nolint:staticcheck // package syscall has it, and is no dependency
	})
}
