package simulator

import "net/url"

type followers struct {
	Href  *string `json:"href"`
	Total int     `json:"total"`
}

// userObject is a profile. Only its owner sees the fields with omitempty, and only with the scopes for them.
type userObject struct {
	AccountID       string          `json:"account_id,omitempty"`
	Country         string          `json:"country,omitempty"`
	DisplayName     string          `json:"display_name"`
	Email           string          `json:"email,omitempty"`
	ExplicitContent map[string]bool `json:"explicit_content,omitempty"`
	ExternalURLs    links           `json:"external_urls"`
	Followers       *followers      `json:"followers,omitempty"`
	Href            string          `json:"href"`
	ID              string          `json:"id"`
	Images          []imageObject   `json:"images,omitzero"`
	Product         string          `json:"product,omitempty"`
	Type            string          `json:"type"`
	URI             string          `json:"uri"`
}

// simpleUser is how a user stands in other objects.
func (c *call) simpleUser(u *User) userObject {
	id := url.PathEscape(u.ID)
	return userObject{
		DisplayName: u.Name, ExternalURLs: c.external("user", id), Href: c.base + "/users/" + id, ID: u.ID, Type: "user",
		URI: "spotify:user:" + u.ID,
	}
}

func (c *call) publicUser(u *User) userObject {
	object := c.simpleUser(u)
	object.Followers = &followers{Total: u.Followers}
	object.Images = []imageObject{}
	if !u.Faceless {
		object.Images = c.images("user", url.PathEscape(u.ID))
	}
	return object
}

func (c *call) me() (answer, error) {
	u := c.home.user
	object := c.publicUser(u)
	object.AccountID = u.accountID()
	if c.has("user-read-email") {
		object.Email = u.Email
	}
	if c.has("user-read-private") {
		object.Country, object.Product = u.Country, u.Product
		object.ExplicitContent = map[string]bool{"filter_enabled": false, "filter_locked": false}
	}
	return answer{body: object}, nil
}

func (c *call) profile() (answer, error) {
	u, ok := c.server.users[c.vars["user_id"]]
	if !ok {
		return answer{}, notFound()
	}
	return answer{body: c.publicUser(u)}, nil
}
