package proxy

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"stagedoor/proxy/files"
	"stagedoor/proxy/policy"
)

// authPrefix is the part of the path space that belongs to the gateway's own endpoints.
const authPrefix = "/auth"

// credentialedMethods may be listed by a route with credentials. OPTIONS is not among them: preflights are answered by
// the gateway itself.
var credentialedMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

// ValidateRoutes reports every problem: the field by its path below "routes", such as "[0].path", and a sentence that
// says what to do.
func ValidateRoutes(routes []Route, report func(field, problem string)) {
	seen := make(map[string]int, len(routes))
	for i, route := range routes {
		at := func(field, problem string) { report(fmt.Sprintf("[%d].%s", i, field), problem) }
		if problem := prefixProblem(route.Path); problem != "" {
			at("path", problem)
		} else if first, taken := seen[normalPrefix(route.Path)]; taken {
			at("path", fmt.Sprintf("the route [%d] has the same path; give each route its own", first))
		} else {
			seen[normalPrefix(route.Path)] = i
		}
		route.validateTarget(at)
		route.validateCredentials(at)
		route.validateHost(at)
		route.validateMethods(at)
		route.validateAllow(at)
		route.validateLive(at)
	}
}

// normalPrefix is a route's path without the slash at its end: "" for the root.
func normalPrefix(path string) string { return strings.TrimSuffix(path, "/") }

func prefixProblem(path string) string {
	switch prefix := normalPrefix(path); {
	case !strings.HasPrefix(path, "/"):
		return fmt.Sprintf("%q must begin with /", path)
	case prefix == authPrefix || strings.HasPrefix(prefix, authPrefix+"/"):
		return "everything below /auth/ is the gateway's own; choose another path"
	case prefix == "":
		return ""
	default:
		return policy.SegmentsProblem(prefix[1:])
	}
}

func (r Route) credentialed() bool { return r.Credentials != "" && r.Credentials != CredentialsNone }

func (r Route) servesFiles() bool { return r.Files != "" || r.FS != nil }

func (r Route) validateTarget(report func(field, problem string)) {
	switch {
	case r.Upstream == "" && !r.servesFiles():
		report("upstream", "the route leads nowhere; set upstream, or files for a folder")
	case r.Upstream != "" && r.servesFiles():
		report("files", "a route has an upstream or files, not both; make two routes")
	case r.Upstream != "" && r.Upstream != UpstreamSpotify:
		if _, err := policy.ParseOrigin(r.Upstream); err != nil {
			report("upstream", fmt.Sprintf("neither %q nor an origin: %v", UpstreamSpotify, err))
		}
	}
	switch {
	case r.Fallback == "":
	case !r.servesFiles():
		report("fallback", "is the page for paths that no file has, so it needs files")
	case !fs.ValidPath(r.Fallback) || files.Hidden(r.Fallback):
		report("fallback", fmt.Sprintf("%q must name a file in the folder, such as index.html", r.Fallback))
	}
}

func (r Route) validateCredentials(report func(field, problem string)) {
	account, isAccount := strings.CutPrefix(r.Credentials, AccountPrefix)
	switch r.Credentials {
	case CredentialsUser, CredentialsApp, CredentialsUserOrApp, CredentialsNone, "":
	default:
		if isAccount && account != "" {
			break
		}
		report("credentials", fmt.Sprintf("%q is unknown; write user, app, user_or_app, account:NAME or none", r.Credentials))
		return
	}
	switch {
	case r.Upstream == UpstreamSpotify && !r.credentialed():
		report("credentials", "Spotify answers no request without credentials; write credentials: user")
	case r.servesFiles() && r.credentialed():
		report("credentials", "files need no credentials; write credentials: none")
	case r.Upstream != "" && r.Upstream != UpstreamSpotify && r.credentialed():
		report("upstream", "a route with credentials leads to spotify only, because the bearer never goes to another host; "+
			"write upstream: spotify, or credentials: none")
	}
}

func (r Route) validateHost(report func(field, problem string)) {
	switch {
	case r.Host == "":
	case r.Host != HostPublic && r.Host != HostUpstream:
		report("host", fmt.Sprintf("%q is unknown; write public or upstream, or leave it empty", r.Host))
	case r.credentialed() || r.servesFiles() || r.Upstream == UpstreamSpotify:
		report("host", "says what a web frontend is asked with; a route to anything else has no use for it")
	}
}

// asksForPublicHost tells with which Host the route's frontend is asked. A server behind https often belongs to another
// operator, and knows only its own name.
func (r Route) asksForPublicHost() bool {
	return r.Host == HostPublic || r.Host == "" && strings.HasPrefix(strings.ToLower(r.Upstream), "http://")
}

func (r Route) validateMethods(report func(field, problem string)) {
	known, kind := append(slices.Clone(credentialedMethods), "OPTIONS"), "a method that a route can take"
	switch {
	case r.credentialed():
		known, kind = credentialedMethods, "a method that a route with credentials can take"
	case r.servesFiles():
		known, kind = files.Methods, "a method that files can take"
	}
	for i, method := range r.Methods {
		field := fmt.Sprintf("methods[%d]", i)
		if !slices.Contains(known, method) {
			report(field, fmt.Sprintf("%q is not %s; write %s", method, kind, strings.Join(known, ", ")))
		} else if slices.Index(r.Methods, method) < i {
			report(field, fmt.Sprintf("%s is listed twice; remove one", method))
		}
	}
}

func (r Route) validateAllow(report func(field, problem string)) {
	if len(r.Allow) > 0 && !r.credentialed() {
		report("allow", "limits what credentials may be used for; a route without credentials has no use for it")
		return
	}
	for i, text := range r.Allow {
		if problem := policy.PatternProblem(text); problem != "" {
			report(fmt.Sprintf("allow[%d]", i), problem)
		}
	}
}
