//go:build unix

package proxy

import (
	"errors"
	"net"
	"syscall"
)

// canPeek tells whether peekQuiet can tell anything.
const canPeek = true

// peekQuiet tells whether nothing waits to be read from a connection, its end among it.
func peekQuiet(conn net.Conn) bool {
	withDescriptor, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	descriptor, err := withDescriptor.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = descriptor.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = errors.Is(err, syscall.EAGAIN)
		return true // do not wait
	})
	return err == nil && quiet
}
