package session

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// allSentinels begins the error of go-redis that no sentinel names the master; it has no type. Behind it stands what each
// of them said.
const allSentinels = "redis: all sentinels specified in configuration are unreachable"

// sentinelRefusals are what sentinels answer, with what to do.
var sentinelRefusals = []struct{ begin, mend string }{
	{"NOAUTH", "set redis.sentinel_password or sentinel_password_file (the sentinels know nothing of redis.password)"},
	{"WRONGPASS", "correct redis.sentinel_username and sentinel_password, which are not those of Redis"},
	{"NOPERM", "let the user of redis.sentinel_username call SENTINEL GET-MASTER-ADDR-BY-NAME and SENTINELS, PING, and SUBSCRIBE to all channels"},
}

// explainSentinels says what an error of the sentinels means and what to do about it, and whether it is one.
func explainSentinels(err error) (string, bool) {
	text, _, found := strings.Cut(bare(err), allSentinels)
	if !found || text != "" {
		return "", false
	}
	for _, r := range sentinelRefusals {
		if redis.HasErrorPrefix(err, r.begin) {
			return "the sentinels say " + r.begin + "; " + r.mend + ".", true
		}
	}
	if errors.Is(err, redis.Nil) {
		return "the sentinels at redis.addresses know no master of the name in redis.sentinel_master; correct it.", true
	}
	return strings.TrimPrefix(bare(err), "redis: ") + "; look whether they run, and at redis.addresses (with sentinel_master these are the sentinels, " +
		"port 26379 as a rule) and redis.tls.", true
}
