// Package sessiontest holds what tests of sessions share: the conformance suite that every store has to pass, and real
// Redis servers on free ports of 127.0.0.1, which end with the test that started them.
package sessiontest
