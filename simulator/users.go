package simulator

// User is somebody who can consent. Their library and player are made up from the id.
type User struct {
	// ID must be unique. It ends up in /me and in URLs.
	ID string
	// Name is the display name.
	Name string
	// Email is shown with the scope user-read-email.
	Email string
	// Country is an ISO 3166-1 code and Product "premium" or "free"; both are shown with user-read-private. Players
	// obey premium users only.
	Country, Product string
	// Followers is a number to show.
	Followers int
	// Listening starts the user with music on; otherwise the player is idle.
	Listening bool
	// Faceless users have no picture: "images" is empty.
	Faceless bool
	// Unregistered users are not on the app's list in the Developer Dashboard: they can log in, and every API call of
	// theirs is refused with 403 in plain text.
	Unregistered bool
}

// SampleUsers are the users of a simulator whose Options name none: Ada listens, Ben has the free product and no
// picture, Chloé's name is not ASCII, Dora is not registered.
func SampleUsers() []User {
	return []User{
		{
			ID: "ada", Name: "Ada Marlow", Email: "ada@example.com", Country: "GB", Product: "premium",
			Followers: 128, Listening: true,
		},
		{
			ID: "ben", Name: "Ben Okafor", Email: "ben@example.com", Country: "DE", Product: "free",
			Followers: 7, Faceless: true,
		},
		{
			ID: "chloe", Name: "Chloé Lefèvre 🎧", Email: "chloe@example.com", Country: "FR", Product: "premium",
			Followers: 2048,
		},
		{
			ID: "dora", Name: "Dora Quist", Email: "dora@example.com", Country: "SE", Product: "premium",
			Unregistered: true,
		},
	}
}

func (u *User) premium() bool { return u.Product == "premium" }

// accountID is the stable id that /me shows since May 2026 beside id.
func (u *User) accountID() string { return makeID("account", u.ID) }
