package redisstore

import "strings"

// ACLRules are the least rights in Redis that the gateway needs, in the words of ACL SETUSER
// (https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/): the keys and channels of KeyPrefix, the
// channel on which Redis tells of changes, and the commands. They do without CONFIG GET, from which `check -online` would
// learn whether a server without an append-only file takes snapshots. Rules, not a whole user: the name, the password and "on"
// come from the operator.
func (c Config) ACLRules() []string {
	prefix := escapeGlob(c.KeyPrefix)
	rules := []string{"resetkeys", "~" + prefix + "*", "resetchannels", "&" + prefix + "*"}
	if prefix != "" { // else all channels are allowed already, which Redis does not take another pattern after
		rules = append(rules, "&"+invalidations)
	}
	rules = append(rules, "-@all",
		"+get", "+set", "+del", "+hset", "+hgetall", "+hdel", "+pttl", "+pexpire", // records, leases and lists
		"+time", "+hmget", // the quota that all replicas share
		"+eval", "+evalsha", // which call those above
		"+publish", "+subscribe", "+client|id", "+client|tracking", // what one replica changes, the others hear of
		"+ping", "+info", "+scan", "+dbsize", "+pubsub|numsub", // for operators, and for whether it is ready
	)
	if c.Database != 0 {
		rules = append(rules, "+select")
	}
	if len(c.Addresses) > 1 && c.SentinelMaster == "" {
		rules = append(rules, "+cluster|slots", "+command")
	}
	return rules
}

// rightsAdvice says what to do about a command, key or channel that Redis' ACL rejects.
func (c Config) rightsAdvice() string {
	user := c.Username
	if user == "" {
		user = "default"
	}
	return "give the user of redis.username its rights: ACL SETUSER " + user + " " + strings.Join(c.ACLRules(), " ")
}
