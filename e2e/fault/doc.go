// Package fault breaks what is around the gateway, under load, and measures. TestFaults writes docs/faults.md.
package fault
