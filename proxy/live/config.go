package live

import "time"

// Config is the part of config.yaml below "live": how often routes with live poll, and how many streams there may be.
type Config struct {
	// Every is the time between two polls while something plays.
	Every time.Duration `yaml:"every"`
	// Idle is the time between two polls while nothing plays.
	Idle time.Duration `yaml:"idle"`
	// MaxStreams is how many streams a replica may have at a time.
	MaxStreams int `yaml:"max_streams"`
}

// DefaultConfig returns the values of the keys that config.yaml leaves out.
func DefaultConfig() Config {
	return Config{Every: 3 * time.Second, Idle: 20 * time.Second, MaxStreams: 10_000}
}

// Validate reports every problem: the field by its path below "live", and a sentence that says what to do.
func (c Config) Validate(report func(field, problem string)) {
	if c.Every < time.Second || c.Every > time.Hour {
		report("every", "must be from 1s to 1h; each poll is a call of Spotify's quota")
	} else if c.Idle < c.Every || c.Idle > time.Hour {
		report("idle", "must be from every to 1h")
	}
	if c.MaxStreams < 1 {
		report("max_streams", "must be at least 1; remove the routes with live when there shall be no streams")
	}
}
