package main

import (
	"bufio"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const fields = " S 42 7 7 0 -1 4194560 1 2 3 4 125 375 9 9 20 0 1 0 100 1 1"
	for _, name := range []string{"(nginx)", "(a b) c)", "()"} {
		got, err := parseStat("7 " + name + fields)
		if want := (procStat{parent: 42, cpu: 5 * time.Second}); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
	for _, line := range []string{"", "7 (nginx) S 42", "7 nginx S 1 1 1 1 1 1 1 1 1 1 1 1 1", "7 (x)" + strings.Replace(fields, "125", "x", 1)} {
		if got, err := parseStat(line); err == nil {
			t.Errorf("%q is taken for %+v", line, got)
		}
	}
}

func TestParseResident(t *testing.T) {
	got, err := parseResident("Name:\tx\nVmHWM:\t  90 kB\nVmRSS:\t   12 kB\n")
	if err != nil || got != 12*1024 {
		t.Errorf("RSS is %v, %v, want 12 KiB", got, err)
	}
	if _, err := parseResident("Name:\tzombie\n"); err == nil {
		t.Error("a process without memory has some")
	}
}

func TestCPUTimeOfNobody(t *testing.T) {
	if _, err := cpuTime(1 << 30); err == nil {
		t.Error("a process that is not there has used time")
	}
}

func TestParseDrive(t *testing.T) {
	got, err := parseDrive("Running 1s test\nRequests/sec: 5\ndriven 1000 1 2 3 2000000 1500 9000\n")
	want := result{
		requests: 1000, refused: 1, broken: 2, late: 3, elapsed: 2 * time.Second,
		p50: 1500 * time.Microsecond, p99: 9 * time.Millisecond,
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	for _, output := range []string{"", "driven 1 2", "driven 0 0 0 0 1000 0 0"} {
		if _, err := parseDrive(output); err == nil {
			t.Errorf("%q has figures", output)
		}
	}
}

func TestNewSample(t *testing.T) {
	before := counters{cpu: time.Second, redisCPU: time.Second, commands: 100, opened: 3}
	after := counters{cpu: 2 * time.Second, redisCPU: 1500 * time.Millisecond, commands: 601, opened: 7}
	got := newSample(result{requests: 1000, elapsed: 2 * time.Second, p50: time.Millisecond, p99: time.Second}, before, after)
	want := sample{cpu: 1000, rate: 500, p50: 1, p99: 1000, redisCPU: 500, redisCommands: 0.5, opened: 4}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestReadReply(t *testing.T) {
	for text, want := range map[string]any{
		"+OK\r\n": "OK", ":-3\r\n": int64(-3), "$-1\r\n": nil, "$4\r\na\r\nb\r\n": "a\r\nb",
		"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n": []any{"0", []any{"k"}},
	} {
		if got, err := readReply(bufio.NewReader(strings.NewReader(text))); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %#v, %v, want %#v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-ERR no\r\n", "$x\r\n", "$9\r\nshort", "!3\r\n"} {
		if got, err := readReply(bufio.NewReader(strings.NewReader(text))); err == nil {
			t.Errorf("%q is taken for %#v", text, got)
		}
	}
}

func TestParseInfo(t *testing.T) {
	const text = "# Memory\r\nused_memory_human:1M\r\nused_memory:1000000\r\n"
	if got, err := parseInfo(text, "used_memory"); err != nil || got != 1e6 {
		t.Errorf("used_memory is %v, %v", got, err)
	}
	if _, err := parseInfo(text, "total_commands_processed"); err == nil {
		t.Error("what is not there has a value")
	}
}

func TestPagesHaveTheirSize(t *testing.T) {
	for _, size := range []int{smallSize, 10 << 10, streamSize} {
		page := jsonPage("https://api.spotify.com/v1", size)
		if len(page) != size || !json.Valid(page) {
			t.Errorf("a page of %d bytes has %d, valid JSON: %t", size, len(page), json.Valid(page))
		}
	}
}

func TestReadNumbers(t *testing.T) {
	if got, err := readNumbers("10,200"); err != nil || !reflect.DeepEqual(got, []int{10, 200}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, list := range []string{"", "x", "0", "20,10", "5,5"} {
		if got, err := readNumbers(list); err == nil {
			t.Errorf("%q is taken for %v", list, got)
		}
	}
}
