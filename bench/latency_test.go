package main

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestFarConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		far := newFarConn(server, 50*time.Millisecond)
		began := time.Now()
		go func() {
			for _, text := range []string{"hello", "again"} {
				_, _ = client.Write([]byte(text)) // the reader tells
				<-time.After(time.Second)
			}
			_ = client.Close()
		}()
		for _, want := range []time.Duration{100 * time.Millisecond, time.Second + 50*time.Millisecond} {
			piece := make([]byte, 5)
			if _, err := io.ReadFull(far, piece); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(began); got != want {
				t.Errorf("%s arrived after %v, want %v", piece, got, want)
			}
		}
		if err := far.SetReadDeadline(time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := far.Read(make([]byte, 1)); err == nil {
			t.Error("a read goes on past its deadline, and net/http would hang")
		}
		_ = far.SetReadDeadline(time.Time{})
		if _, err := far.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("behind the last piece: %v, want the end", err)
		}
		_ = far.Close()
	})
}
