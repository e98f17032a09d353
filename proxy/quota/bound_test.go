package quota

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
)

// TestMemoryOfManyAddresses keeps the answers for 100,000 addresses, some of which share an owner: what is used of the memory
// stays within the bound and a tenth of it, and no goroutine stays behind.
func TestMemoryOfManyAddresses(t *testing.T) {
	sessiontest.OnlyLong(t, "100,000 answers are kept")
	const addresses, bound = 100_000, 16 << 20
	for owners, sizes := range map[int][]int{1: {300}, 5_000: {5_000}, addresses: {0, 1_000}} {
		for _, size := range sizes {
			body := strings.Repeat("x", size)
			u := &upstream{answer: func(int, http.Header) *http.Response {
				return answer(http.StatusOK, body, "Cache-Control: private, max-age=3600", "Content-Type: application/json; charset=utf-8",
					`Etag: "MC1lYzA2ODA5ZTU5NGZhZDRkM2I3NjY0ZjRhZjk2ZGVlNzEyNDgwYTU5"`, "Vary: Authorization, Accept-Language")
			}}
			c := NewCache(CacheConfig{Size: bound, Stale: time.Hour}, time.Now)
			before, goroutines := usedMemory(), runtime.NumGoroutine()
			for n := range addresses {
				res, _, err := c.Do(ask(fmt.Sprintf("owner%040d", n%owners), fmt.Sprintf("/me/playlists?offset=%d&limit=50", n)), u.send)
				if err != nil {
					t.Fatal(err)
				}
				drain(res)
			}
			used, said := usedMemory()-before, c.Size()
			if said > bound || said < bound*9/10 {
				t.Errorf("%d bytes, %d owners: the cache says that it has %d bytes", size, owners, said)
			}
			if used > bound*11/10 {
				t.Errorf("%d bytes, %d owners: %d bytes are used, want at most %d", size, owners, used, bound*11/10)
			}
			for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines && time.Now().Before(end); {
				runtime.Gosched()
			}
			if n := runtime.NumGoroutine(); n > goroutines {
				t.Errorf("%d goroutines, before %d", n, goroutines)
			}
			t.Logf("%d bytes, %d owners: %.2f of the bound are used, the cache says %.2f", size, owners, float64(used)/bound, float64(said)/bound)
			runtime.KeepAlive(c)
		}
	}
}

// usedMemory is how much of the heap is in use, in bytes.
func usedMemory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
