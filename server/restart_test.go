package server_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server"
)

// closeNow closes the fixture's server without waiting.
func (f *fixture) closeNow() {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.server.Close(ctx); err != nil {
		f.t.Error(err)
	}
}

// TestRestart: results outlive the server, and what ran runs again with the same
// AsOf.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, g := gatedFixture(t, func(c *server.Config) { c.Clock, c.RunningPerFarm = nil, 2 })
		f.add(record(0, func(r *farmtally.Record) {
			r.StartedAt, r.Running, r.UserID = farmtally.InstantOf(time.Now().Add(-time.Hour)), true, "runner"
		}))
		day := map[string]any{"startTime": "1999-12-31T00:00:00Z", "endTime": "2026-02-01T00:00:00Z", "period": nil}
		running := f.begin(day)
		synctest.Wait()
		f.closeNow()
		if a := f.get(running, ""); a.member(t, "status") != "IN_PROGRESS" || len(f.memory.results) != 0 {
			t.Errorf("after Close: %s, %v", a.body, f.memory.results)
		}

		time.Sleep(20 * time.Minute)
		f.start(func(c *server.Config) { c.Clock = nil })
		if a := f.get(running, ""); a.body != `{"statistics":[],"status":"IN_PROGRESS","statusMessage":"The aggregation begins to run."}` {
			t.Error(a.body)
		}
		if err := f.server.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		a := f.get(running, "")
		if !strings.Contains(a.body, `"runner","count":1,"costInUsd":{"min":1.5,"max":1.5,"avg":1.5,"sum":1.5},"runtimeInSeconds":{"min":3600,"max":3600`) {
			t.Error(a.body)
		}
		f.closeNow()
		f.start(func(c *server.Config) { c.Clock = nil })
		if again := f.get(running, ""); again.body != a.body {
			t.Errorf("after another restart: %s", again.body)
		}
		close(g.gate)
	})
}

// TestRestartTooLate: what is over an hour old is not run again.
func TestRestartTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := gatedFixture(t, func(c *server.Config) { c.Clock = nil })
		id := f.begin(nil)
		f.closeNow()
		time.Sleep(time.Hour)
		f.start(func(c *server.Config) { c.Clock = nil })
		if err := f.server.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if a := f.get(id, ""); a.status != http.StatusNotFound || len(f.memory.aggregations) != 0 {
			t.Errorf("got %d %s", a.status, a.body)
		}
	})
}

// TestRestartUnreadable: what can't be run again fails, and does not keep the
// server from starting.
func TestRestartUnreadable(t *testing.T) {
	f, _ := gatedFixture(t, nil)
	id := f.begin(nil)
	f.closeNow()
	f.start(func(c *server.Config) {
		g := newGated(c.Backend)
		g.snapshot = errors.New("no /secret/path")
		c.Backend = g
	})
	if err := f.server.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := f.get(id, ""); a.member(t, "status") != "FAILED" {
		t.Error(a.body)
	}
}

// TestCloseWaits: Close lets what runs come to its end, and takes no other.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, g := gatedFixture(t, func(c *server.Config) { c.Clock = nil })
		id := f.begin(nil)
		closed := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			closed <- f.server.Close(ctx)
		}()
		synctest.Wait()
		checkInternal(t, f, f.ask(http.MethodPost, statisticsPath(farmB), startBody(queues(string(queueB)))))
		close(g.gate)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if a := f.get(id, ""); a.member(t, "status") != "COMPLETED" {
			t.Error(a.body)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	m := newMemory()
	good := server.Config{Backend: newGated(nil), Catalog: m, CreateResult: m.create, OpenResult: m.open, RemoveResult: m.remove}
	for name, spoil := range map[string]func(*server.Config){
		"no backend":             func(c *server.Config) { c.Backend = nil },
		"no catalog":             func(c *server.Config) { c.Catalog = nil },
		"no results":             func(c *server.Config) { c.OpenResult = nil },
		"a negative limit":       func(c *server.Config) { c.RowLimit = -1 },
		"a limit beyond a life":  func(c *server.Config) { c.TimeLimit = time.Hour + 1 },
		"a catalog in disrepair": func(*server.Config) { m.breakDown("TokenSecret", errors.New("gone")) },
	} {
		config := good
		spoil(&config)
		if s, err := server.New(config); err == nil {
			t.Errorf("%s: accepted", name)
			_ = s.Close(t.Context())
		}
	}
}
