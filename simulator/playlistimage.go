package simulator

import (
	"bytes"
	"encoding/base64"
	"net/http"
)

// mostImage is how large an uploaded picture may be, in bytes of base64.
const mostImage = 256 << 10

var jpegStart = []byte{0xff, 0xd8, 0xff}

func (c *call) playlistImages() (answer, error) {
	p, err := c.visible()
	if err != nil {
		return answer{}, err
	}
	return answer{body: c.coverOf(p)}, nil
}

// uploadImage takes a JPEG as base64 text.
func (c *call) uploadImage() (answer, error) {
	p, err := c.changeable()
	if err != nil {
		return answer{}, err
	}
	if len(c.body) > mostImage {
		return answer{}, refuse(http.StatusRequestEntityTooLarge, "The image is larger than 256 KB")
	}
	jpeg, err := base64.StdEncoding.DecodeString(string(c.body))
	if err != nil || !bytes.HasPrefix(jpeg, jpegStart) {
		return answer{}, refuse(http.StatusBadRequest, "Image data is not a base64 JPEG")
	}
	p.jpeg = jpeg
	return answer{status: http.StatusAccepted}, nil
}
