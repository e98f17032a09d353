// Package bytesize reads and writes sizes as config.yaml has them.
package bytesize

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes that is written with a binary unit: 512, 64KiB, 1MiB.
type Size int64

var byteUnits = []struct {
	suffix string
	size   int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}}

// UnmarshalText reads a size. It rejects negative numbers, other units and sizes beyond 1 TiB.
func (b *Size) UnmarshalText(text []byte) error {
	digits, unit := string(text), int64(1)
	for _, u := range byteUnits {
		if number, ok := strings.CutSuffix(digits, u.suffix); ok {
			digits, unit = number, u.size
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<40)/unit {
		return fmt.Errorf("%q is not a size; write bytes, or a number with KiB or MiB such as 1MiB", text)
	}
	*b = Size(n * unit)
	return nil
}

// MarshalText writes the size with the largest unit that divides it.
func (b Size) MarshalText() ([]byte, error) {
	for i := len(byteUnits) - 1; i >= 0; i-- {
		if u := byteUnits[i]; b > 0 && int64(b)%u.size == 0 {
			return []byte(strconv.FormatInt(int64(b)/u.size, 10) + u.suffix), nil
		}
	}
	return []byte(strconv.FormatInt(int64(b), 10)), nil
}
