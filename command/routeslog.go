package command

import (
	"cmp"
	"strings"

	"go.uber.org/zap"

	"stagedoor/config"
	"stagedoor/proxy"
)

// logRoutes says what is served where, a line for each route: where its requests go, for whom they speak there, and what
// the configuration narrows them to.
func logRoutes(log *zap.Logger, c config.Config) {
	for _, route := range c.Routes {
		to := cmp.Or(route.Files, route.Upstream)
		switch {
		case route.Upstream == proxy.UpstreamSpotify:
			to = c.Spotify.APIURL
		case route.FS != nil:
			to = "files of the program's own"
		}
		fields := []zap.Field{zap.String("path", route.Path), zap.String("to", to),
			zap.String("credentials", cmp.Or(route.Credentials, proxy.CredentialsNone))}
		if len(route.Methods) > 0 {
			fields = append(fields, zap.String("methods", strings.Join(route.Methods, " ")))
		}
		if len(route.Allow) > 0 {
			fields = append(fields, zap.String("allow", strings.Join(route.Allow, " ")))
		}
		log.Info("route", fields...)
	}
}
