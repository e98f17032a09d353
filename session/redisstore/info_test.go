package redisstore

import "testing"

func TestJudgeVersion(t *testing.T) {
	for version, want := range map[string]Severity{
		"7.2.4": Fine, "6.0.0": Fine, "10.1": Fine, "5.0.14": Problem, "4": Problem, "": Skipped, "unstable": Skipped,
	} {
		if got := checkVersion("Redis", map[string]string{"redis_version": version}); got.Severity != want {
			t.Errorf("version %q: %v, want %v", version, got, want)
		}
	}
}

func TestReadInfo(t *testing.T) {
	info := readInfo("# Server\r\nredis_version:7.0.15\r\nexecutable:/a:b\r\n\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n")
	for name, want := range map[string]string{
		"redis_version": "7.0.15", "executable": "/a:b", "maxmemory_policy": "noeviction", "absent": "",
	} {
		if got := info[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// Valkey says which Redis it is compatible with, and is called by its own name.
func TestValkeyHasItsName(t *testing.T) {
	info := readInfo("# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.3\r\n")
	name := productOf(info)
	s := &Store{}
	if got := s.inItsName("Redis answers"); got != "Redis answers" {
		t.Errorf("a server that has not told its name: %q", got)
	}
	s.product.Store(&name)
	got := s.inItsName(checkVersion("Redis", info).Text + " Look at redis.addresses.")
	if want := "Valkey has version 8.1.3. Look at redis.addresses."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if name := productOf(readInfo("redis_version:7.0.15\r\n")); name != "Redis" {
		t.Errorf("Redis is called %q", name)
	}
}
