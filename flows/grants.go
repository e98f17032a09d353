package flows

// Behaviour is what can be done with a grant: the table of Spotify's authorization guide
// (https://developer.spotify.com/documentation/web-api/concepts/authorization).
type Behaviour struct {
	// Grant is its name in the guide, and Key the spotify.flow or route credentials that stand for it in config.yaml.
	Grant, Key string
	// UserResources tells whether its token speaks for a user.
	UserResources bool
	// Secret tells whether the client secret is needed.
	Secret bool
	// Refresh tells whether there is a refresh token. Without one, the app fetches another token and a user logs in again.
	Refresh bool
}

// Behaviours are the four grants, in the guide's order.
func Behaviours() []Behaviour {
	return []Behaviour{
		{Grant: "Authorization code", Key: FlowCode, UserResources: true, Secret: true, Refresh: true},
		{Grant: "Authorization code with PKCE", Key: FlowPKCE, UserResources: true, Secret: false, Refresh: true},
		{Grant: "Client credentials", Key: "app", UserResources: false, Secret: true, Refresh: false},
		{Grant: "Implicit grant", Key: FlowImplicit, UserResources: true, Secret: false, Refresh: false},
	}
}
