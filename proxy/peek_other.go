//go:build !unix

package proxy

import "net"

// canPeek tells whether peekQuiet can tell anything.
const canPeek = false

func peekQuiet(net.Conn) bool { return false }
