module example.com/nowplaying

go 1.26.0

require github.com/zmb3/spotify/v2 v2.4.3

require golang.org/x/oauth2 v0.37.0 // indirect
