package server_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server"
)

// TestKeyCached: a key is read once, until anything in the catalog changes; then a
// revocation or another role counts at once.
func TestKeyCached(t *testing.T) {
	f := signedFixture(t)
	f.memory.still = true
	list := func() string {
		h := handSigned{key: goodKey, at: f.clock(), method: http.MethodGet, path: "/2023-10-12/farms"}
		a := f.send(h.request())
		return strings.TrimSpace(fmt.Sprintf("%d %s", a.status, cmp.Or(a.header.Get("x-amzn-ErrorType"), fmt.Sprint(strings.Count(a.body, "farmId")))))
	}
	change := func(k farmtally.AccessKey) {
		f.memory.keys[k.ID] = k
		f.memory.version++
	}
	if got := list(); got != "200 2" {
		t.Fatalf("got %s", got)
	}
	good := list()
	f.memory.breakDown("Key", errors.New("asked again"))
	if got := list(); got != good {
		t.Errorf("got %s with the key at hand", got)
	}
	f.memory.breakDown("Key", nil)
	k := goodKey
	k.Grants = []farmtally.Grant{{FarmID: farmB, Role: farmtally.Manager}}
	change(k)
	if got := list(); got == good {
		t.Errorf("another role does not count: %s", got)
	}
	k.RevokedAt = 1
	change(k)
	if got := list(); !strings.Contains(got, "UnrecognizedClientException") {
		t.Errorf("a revocation does not count: %s", got)
	}
	change(goodKey)
	f.memory.breakDown("Version", errors.New("no /secret/path"))
	if got := list(); !strings.Contains(got, "InternalServerError") {
		t.Errorf("got %s without a version", got)
	}
}

// countingReader counts the results that are open.
type countingReader struct {
	server.ResultReader
	open *atomic.Int64
}

func (r countingReader) Close() error {
	r.open.Add(-1)
	return r.ResultReader.Close()
}

// counting makes a fixture whose open results are counted, and how often one was
// opened.
func counting(t *testing.T, clock func() time.Time) (f *fixture, open, opened *atomic.Int64) {
	t.Helper()
	open, opened = new(atomic.Int64), new(atomic.Int64)
	f = newFixture(t, func(c *server.Config) {
		c.Clock = clock
		inner := c.OpenResult
		c.OpenResult = func(id string) (server.ResultReader, error) {
			r, err := inner(id)
			if err != nil {
				return nil, err
			}
			open.Add(1)
			opened.Add(1)
			return countingReader{r, open}, nil
		}
	})
	return f, open, opened
}

// TestResultKept: the pages of an aggregation open its result once, and it is closed
// when the aggregation expires.
func TestResultKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, open, opened := counting(t, nil)
		id := f.begin(nil)
		synctest.Wait()
		want := f.get(id, "").body
		f.memory.breakDown("Aggregation", errors.New("asked again"))
		for range 10 {
			if got := f.get(id, "").body; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		f.memory.breakDown("Aggregation", nil)
		if open.Load() != 1 || opened.Load() != 1 {
			t.Errorf("%d are open, of %d opened", open.Load(), opened.Load())
		}
		if a := f.ask(http.MethodGet, statisticsPath(farmB)+"?aggregationId="+id, ""); a.status != http.StatusNotFound {
			t.Errorf("another farm reads it: %d %s", a.status, a.body)
		}
		time.Sleep(time.Hour)
		if a := f.get(id, ""); a.status != http.StatusNotFound {
			t.Errorf("after the hour: %d %s", a.status, a.body)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if open.Load() != 0 {
			t.Errorf("%d are open after they have expired", open.Load())
		}
	})
}

// TestResultsBounded: of many results some are closed, also while pages are read, and
// all when the server closes.
func TestResultsBounded(t *testing.T) {
	f, open, _ := counting(t, func() time.Time { return midnight.Add(8 * time.Hour) })
	const many = 200
	var group sync.WaitGroup
	for i := range many {
		keep(fmt.Sprintf("%032x", i), farmtally.Completed, "")(f)
	}
	for range 4 {
		group.Go(func() {
			for i := range many {
				if a := f.get(fmt.Sprintf("%032x", i*7%many), ""); a.status != http.StatusOK || strings.Count(a.body, `"count"`) != 2 {
					t.Errorf("got %d %s", a.status, a.body)
				}
			}
		})
	}
	group.Wait()
	if n := open.Load(); n != 64 {
		t.Errorf("%d results are open", n)
	}
	f.close(f.server)
	if n := open.Load(); n != 0 {
		t.Errorf("%d results are open after Close", n)
	}
	if a := f.get(strings.Repeat("0", 32), ""); a.status != http.StatusOK || open.Load() != 0 {
		t.Errorf("after Close: %d %s, %d open", a.status, a.body, open.Load())
	}
}
