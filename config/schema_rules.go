package config

import (
	"stagedoor/flows"
	"stagedoor/internal/webapi"
	"stagedoor/proxy"
	"stagedoor/session"
)

// reference is ${NAME} or ${NAME:-default} somewhere in a text; see expand.
const reference = `\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}`

// wellFormed is a text in which every ${ is a reference or escaped by another $.
const wellFormed = `^([^$]|\$[^${]|\$\$+[^$]|` + reference + `)*\$*$`

// definitions are the types of single values, as YAML's own types have them.
var definitions = properties{
	{"variable", &node{Description: "An environment variable: ${NAME} or ${NAME:-default}.", Type: "string", Pattern: reference}},
	{"text", &node{Type: []string{"string", "number", "boolean", "null"}, Pattern: wellFormed}},
	{"boolean", &node{Type: []string{"boolean", "string", "null"}, Pattern: reference}},
	{"number", &node{Type: []string{"integer", "string", "null"}, Pattern: reference}},
	{"fraction", &node{Type: []string{"number", "string", "null"}, Pattern: reference}},
	{"duration", &node{Type: []string{"string", "integer", "null"}, Minimum: number(0), Maximum: number(0),
		Pattern: `^\+?` + durationForm + `$|` + reference}},
	{"size", &node{Type: []string{"string", "integer", "null"}, Minimum: number(0),
		Pattern: `^\+?[0-9]+(KiB|MiB)?$|` + reference}},
}

func number(n int) *int { return &n }

func oneOf(values ...string) node {
	var n node
	for _, value := range values {
		n.Enum = append(n.Enum, value)
	}
	return n
}

// scalarRules are what the checks ask of single values, as far as a schema can say it; those of a list hold for its
// entries. It must accept what the checks accept. What it accepts beyond that, the loader rejects.
var scalarRules = map[string]node{
	"server.listen":          {Pattern: `^([^/]*:[0-9]{1,5}|unix:/.+|systemd:[^:/ ]+)$`},
	"server.public_url":      {Pattern: `^(https://[^/?#@A-Z]+|http://(127\.0\.0\.1|\[::1\])(:[0-9]+)?)$`},
	"server.trusted_proxies": {Pattern: `^([0-9.]+/([12]?[0-9]|3[0-2])|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*/([1-9]?[0-9]|1[01][0-9]|12[0-8])|unix)$`},
	"server.allowed_origins": {Pattern: `^https?://[^/?#@A-Z*]+$`},
	"server.max_connections": {Minimum: number(1)},
	"server.max_streams":     {Minimum: number(1)},
	"server.max_in_flight":   {Minimum: number(0)},

	"server.client_rate.requests": {Minimum: number(0)},
	"server.client_rate.logins":   {Minimum: number(0)},

	"admin.listen":              {Pattern: `^([^/]*:[0-9]{1,5}|unix:/.+|systemd:[^:/ ]+)?$`},
	"admin.hosts":               {Pattern: hostNameForm},
	"log.level":                 oneOf(logLevels...),
	"log.format":                oneOf(logFormats...),
	"pages.accent":              {Pattern: `^(#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}))?$`},
	"pages.logo_file":           {Pattern: `^(.+\.[A-Za-z]+)?$`},
	"pages.support_url":         {Pattern: `^(https://[^@]+)?$`},
	"pages.error_url":           {Pattern: `^(https?://[^@\s]+|/([^/\s]\S*)?)?$`},
	clientID:                    {MinLength: 1},
	"spotify.flow":              oneOf(flows.FlowCode, flows.FlowPKCE, flows.FlowImplicit),
	"spotify.scopes":            oneOf(webapi.Scopes()...),
	"spotify.authorize_url":     {Pattern: `^https?://[^?#@]+$`},
	"spotify.token_url":         {Pattern: `^https?://[^?#@]+$`},
	"spotify.api_url":           {Pattern: `^https?://[^?#@]+$`},
	"spotify.token_concurrency": {Minimum: number(1)},
	"session.store":             oneOf(session.StoreRedis, session.StoreMemory),
	"session.keys":              {Pattern: `^[A-Za-z0-9+/]{43}=$`},
	"session.cookie.name":       {Pattern: `^[A-Za-z0-9_-]*$`},
	"session.cookie.same_site":  oneOf("lax", "strict", "none"),
	"redis.addresses":           {Pattern: `^([^@/]+:[0-9]{1,5}|unix:/.+)$`},
	"redis.key_prefix":          {Pattern: `^[^{\s]*(\{|\{[^}\s]\S*)?$`},
	"redis.database":            {Minimum: number(0)},
	"tracing.endpoint":          {Pattern: `^(https?://[^?#@]+|)$`},
	"live.max_streams":          {Minimum: number(1)},
	"quota.calls":               {Minimum: number(0)},
	"quota.reuse.path":          {Pattern: `^/?([^*/]+|\*)(/([^*/]+|\*))*(/\*\*)?$|^\*\*$`},
	"routes.path":               {Pattern: `^/`},
	"routes.upstream":           {Pattern: `^(spotify|https?://[^/?#@]+|)$`},
	"routes.credentials": {
		Enum:    oneOf(proxy.CredentialsUser, proxy.CredentialsApp, proxy.CredentialsUserOrApp, proxy.CredentialsNone, "").Enum,
		Pattern: `^account:[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`,
	},
	"routes.live":    {Pattern: `^/?[^*/]+(/[^*/]+)*$`},
	"routes.host":    oneOf(proxy.HostPublic, proxy.HostUpstream, ""),
	"routes.methods": oneOf("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
	"routes.allow":   {Pattern: `^/?(([^*/]+|\*)(/([^*/]+|\*))*(/\*\*)?|\*\*)?$`},
}

// clientID is the one key without a default that works.
const clientID = "spotify.client_id"

// sectionRules are what the checks ask of a section as a whole. What a section lacks, the environment may have.
var sectionRules = map[string]node{
	"server.tls": {AllOf: []node{needs("cert_file", "key_file"), needs("key_file", "cert_file")}},
	"redis.tls": {AllOf: []node{
		needs("cert_file", "key_file"), needs("key_file", "cert_file"), needs("cert_file", "enabled"), needs("ca_file", "enabled"),
	}},
	"routes": {
		Required: []string{"path"},
		AnyOf:    []node{{Required: []string{"upstream"}}, {Required: []string{"files"}}},
		AllOf: []node{
			{Properties: properties{{"path", &node{Not: &node{Type: "string", Pattern: `^/auth(/|$)`}}}}},
			needs("fallback", "files"),
			needs("host", "upstream"),
			when("upstream", node{Const: proxy.UpstreamSpotify}, node{
				Required:   []string{"credentials"},
				Properties: properties{{"credentials", &node{Not: &node{Enum: []any{proxy.CredentialsNone, "", nil}}}}},
			}),
			when("upstream", node{Pattern: `^https?:`}, node{
				Properties: properties{{"credentials", &node{AnyOf: []node{
					{Enum: []any{proxy.CredentialsNone, "", nil}}, {Ref: "#/$defs/variable"},
				}}}},
			}),
			when("credentials", node{Pattern: `^account:`}, node{AnyOf: []node{
				{Required: []string{"methods", "allow"}},
				{Required: []string{"live"}},
			}}),
		},
	},
}

// when demands something of a section in which a key has a value.
func when(key string, value, demand node) node {
	if value.Const == nil {
		value.Type = "string"
	}
	return node{If: &node{Required: []string{key}, Properties: properties{{key, &value}}}, Then: &demand}
}

// needs is for a key that has no effect without another.
func needs(key, other string) node {
	return when(key, node{MinLength: 1}, node{Required: []string{other}})
}
