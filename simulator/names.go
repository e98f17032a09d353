package simulator

// Every name here is invented. One that a real band shares is an accident.

type band struct {
	name, genre string
	albums      []string
}

var bands = []band{
	{"The Quiet Ferries", "harbour folk", []string{"Timetable for Gulls", "Last Boat, First Light"}},
	{"Marigold Static", "garage pop", []string{"Kitchen Radio", "Seven Broken Antennas"}},
	{"Otto & the Paper Lions", "indie rock", []string{"Origami Weather", "Fold Here"}},
	{"Neon Orchard", "synth pop", []string{"Plum Circuit", "After the Blackout"}},
	{"Lindqvist Sextet", "nordic jazz", []string{"Five Chairs", "Snow on the Metronome"}},
	{"Saffron Tundra", "ambient", []string{"Slow Atlas", "A Map of Nothing Much"}},
	{"Velvet Tramway", "trip hop", []string{"Terminus", "Night Depot"}},
	{"Bantu Lighthouse", "afrobeat", []string{"Lamp Keeper", "Eleven Drums"}},
	{"Hazel Thornbury", "singer-songwriter", []string{"Letters to a Hedge", "The Unsent Ones"}},
	{"Copper Kestrel", "post rock", []string{"Thermals", "Ridge Line"}},
	{"Señora Cometa", "latin pop", []string{"Órbita Corta", "Polvo y Neón"}},
	{"The Understudies", "theatre punk", []string{"Second Cast", "Curtain Trouble"}},
	{"Glasshouse Parade", "dream pop", []string{"Condensation", "Tomatoes in April"}},
	{"Müller Ohne Zug", "minimal techno", []string{"Gleis Neun", "Verspätung"}},
}

var titleStarts = []string{
	"Borrowed", "Cardboard", "Second-Hand", "Midnight", "Paper", "Unfinished", "Electric", "Northern", "Almost",
	"Saltwater", "Hollow", "Golden", "Forgotten", "Left-Handed", "Sunday", "Patient", "Crooked", "Silver", "Distant", "Half a",
}

var titleEnds = []string{
	"Umbrella", "Telegram", "Staircase", "Harbour", "Signal", "Orchard", "Weather", "Postcard", "Machine", "Lantern",
	"Tuesday", "Parade", "River", "Compass", "Window", "Goodbye", "Carousel", "Satellite", "Kitchen", "Ghost",
}

var playlistStarts = []string{
	"Rainy", "Early", "Loud", "Slow", "Borrowed", "Forgotten", "Windy", "Golden", "Sleepy", "Brave", "Quiet",
}

var playlistEnds = []string{"Ferry Rides", "Kitchen Songs", "Tram Stops", "Balcony Evenings", "Long Corridors"}
