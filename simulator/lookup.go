package simulator

func (c *call) getTrack() (answer, error) {
	id, err := c.id("id")
	if err != nil {
		return answer{}, err
	}
	t, ok := c.world.songs.track[id]
	if !ok {
		return answer{}, notFound()
	}
	return answer{body: c.trackObject(t)}, nil
}

func (c *call) pathAlbum() (*album, error) {
	id, err := c.id("id")
	if err != nil {
		return nil, err
	}
	b, ok := c.world.songs.album[id]
	if !ok {
		return nil, notFound()
	}
	return b, nil
}

func (c *call) getAlbum() (answer, error) {
	b, err := c.pathAlbum()
	if err != nil {
		return answer{}, err
	}
	return answer{body: c.albumObject(b)}, nil
}

func (c *call) albumTracks() (answer, error) {
	b, err := c.pathAlbum()
	if err != nil {
		return answer{}, err
	}
	p, err := paged(c, c.path, b.tracks, listLimits, c.simpleTrack)
	return answer{body: p}, err
}

func (c *call) pathArtist() (*artist, error) {
	id, err := c.id("id")
	if err != nil {
		return nil, err
	}
	a, ok := c.world.songs.artist[id]
	if !ok {
		return nil, notFound()
	}
	return a, nil
}

func (c *call) getArtist() (answer, error) {
	a, err := c.pathArtist()
	if err != nil {
		return answer{}, err
	}
	return answer{body: c.artistObject(a)}, nil
}

func (c *call) artistAlbums() (answer, error) {
	a, err := c.pathArtist()
	if err != nil {
		return answer{}, err
	}
	p, err := paged(c, c.path, a.albums, searchLimits, c.simpleAlbum)
	return answer{body: p}, err
}
