package fault

import (
	"fmt"
	"runtime"
	"time"
)

func processors() int { return runtime.NumCPU() }

// seconds is a duration for the table.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
