package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/server"
	"github.com/farmtally/farmtally/storage"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	listen         string
	noAuth         bool
	region         string
	timeLimit      time.Duration
	rowLimit       int64
	runningPerFarm int
	cacheMiB       int64
	verbose        bool

	metricsTokenFile string
	metricsToken     string
	quiet            bool // log errors alone
}

// shutdownLimit bounds how long requests and aggregations may go on after an
// interrupt.
const shutdownLimit = 10 * time.Second

func (p *program) serveCommand() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use: "serve", Short: "answer AWS Deadline Cloud's statistics API, and show a page of it",
		Long: `serve answers AWS Deadline Cloud's statistics API over the records of a data folder,
until it is interrupted, and has a page at / that shows what was used. Records that are
imported meanwhile are seen by the next aggregation.

Requests are signed (AWS Signature Version 4) with a key from 'farmtally keys create';
--no-auth answers unsigned ones too, on this machine's own addresses alone. At
"localhost" it listens on 127.0.0.1 and on ::1.`,
		Example: `  $ farmtally serve --listen localhost:8787 --no-auth
  farmtally serves farmtally-data at http://localhost:8787`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := o.check()
			if err == nil {
				err = o.readMetricsToken()
			}
			if err != nil {
				return misusef(helpOf(cmd), "%s", err)
			}
			if p.cacheBytes = o.cacheMiB << 20; p.cacheBytes == 0 {
				p.cacheBytes = -1
			}
			return p.serveFolder(cmd.Context(), &o)
		},
	}
	dataFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", defaultListen, "the `address` to listen at; port 0 is any free one")
	f.BoolVar(&o.noAuth, "no-auth", false, "answer unsigned requests; on loopback addresses alone")
	f.StringVar(&o.region, "region", "", "the `region` that signatures must name (default: any)")
	f.DurationVar(&o.timeLimit, "time-limit", server.DefaultTimeLimit, "how long one aggregation may run")
	f.Int64Var(&o.rowLimit, "row-limit", server.DefaultRowLimit, "how many `rows` one aggregation may have")
	f.IntVar(&o.runningPerFarm, "running-per-farm", server.DefaultRunningPerFarm, "how many aggregations of a farm may run at once")
	f.Int64Var(&o.cacheMiB, "cache", engine.DefaultCacheBytes>>20, "how many `MiB` of memory keep what aggregations found, for the next like them; 0 keeps nothing")
	f.StringVar(&o.metricsTokenFile, "metrics-token-file", "", "the `file` with the bearer token with which Prometheus may read /metrics (default: keys alone may)")
	f.BoolVar(&o.verbose, "verbose", false, "log every request")
	return cmd
}

// maxCacheMiB is a tebibyte: more is a mistake.
const maxCacheMiB = 1 << 20

// ballastBytes is how much larger the heap seems than it is.
const ballastBytes = 48 << 20

// ballast is memory that nobody touches, and that therefore takes no room, but that
// counts when the collector decides how far the heap may grow. A server's own heap is a
// few megabytes; without it, serving pages spends a quarter of its CPU on collections.
func ballast() []byte { return make([]byte, ballastBytes) }

// check refuses what can't be served; its error names the flag at fault.
func (o *serveOptions) check() error {
	if err := checkListen(o.listen); err != nil {
		return err
	}
	switch {
	case o.noAuth && !server.LoopbackAddress(o.listen):
		return fmt.Errorf("--no-auth would let anyone who reaches %s read everything; it is for loopback addresses such as %s alone",
			o.listen, defaultListen)
	case o.timeLimit <= 0 || o.timeLimit > server.Life:
		return fmt.Errorf("--time-limit %s: must be above 0 and at most %s", o.timeLimit, server.Life)
	case o.rowLimit <= 0:
		return fmt.Errorf("--row-limit %d: must be above 0", o.rowLimit)
	case o.cacheMiB < 0 || o.cacheMiB > maxCacheMiB:
		return fmt.Errorf("--cache %d: must be 0 to %d MiB", o.cacheMiB, maxCacheMiB)
	case o.runningPerFarm <= 0:
		return fmt.Errorf("--running-per-farm %d: must be above 0", o.runningPerFarm)
	}
	return nil
}

// serveFolder serves the data folder, which is made where there is none once there is an
// address to serve it at.
func (p *program) serveFolder(ctx context.Context, o *serveOptions) error {
	listeners, err := listen(ctx, o.listen)
	if err != nil {
		return err
	}
	defer listeners.close()
	return p.withEngine(ctx, mayBeNew, func(c *storage.Catalog, e *engine.Engine) error {
		defer runtime.KeepAlive(ballast())
		return p.serve(ctx, o, listeners, c, e, nil)
	})
}

// serve answers requests until ctx ends. ready, where it is given, is told the URL.
func (p *program) serve(ctx context.Context, o *serveOptions, at listeners, c *storage.Catalog, e *engine.Engine, ready func(url string)) (err error) {
	lock, err := c.LockServer(o.listen)
	if err != nil {
		return err
	}
	defer lock.Release(false)
	log := p.serverLog(o)
	s, err := p.newServer(ctx, o, log, c, e)
	if err != nil {
		return err
	}
	h := server.HTTPServer(s.Handler())
	failed := make(chan error, len(at))
	for _, l := range at {
		go func() { failed <- h.Serve(l) }()
	}
	defer compactMeanwhile(ctx, log, e)()
	url := urlOf(o.listen, at[0])
	if ready != nil {
		ready(url)
	} else {
		p.announce(ctx, o, c, url)
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	return errors.Join(err, stopServing(ctx, h, s))
}

// compactEvery is how often the server looks for segments that other processes wrote.
const compactEvery = 30 * time.Second

// compactMeanwhile compacts in the background until stop returns.
func compactMeanwhile(ctx context.Context, log *slog.Logger, e *engine.Engine) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.RunCompaction(ctx, compactEvery, log)
	}()
	return func() { cancel(); <-ended }
}

func (p *program) serverLog(o *serveOptions) *slog.Logger {
	level := slog.LevelInfo
	switch {
	case o.verbose:
		level = slog.LevelDebug
	case o.quiet:
		level = slog.LevelError
	}
	return slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: level}))
}

// newServer makes the server on the folder, with the aggregations that were running
// when it last stopped.
func (p *program) newServer(ctx context.Context, o *serveOptions, log *slog.Logger, c *storage.Catalog, e *engine.Engine) (*server.Server, error) {
	s, err := server.New(server.Config{
		Backend: e, Catalog: c,
		CreateResult: func(id string) (server.ResultWriter, error) { return c.CreateResult(id) },
		OpenResult:   func(id string) (server.ResultReader, error) { return c.OpenResult(id) },
		RemoveResult: c.RemoveResult,
		Prices:       newPriceList(c).prices(),
		Logger:       log,
		Clock:        p.now,
		Figures:      figuresOf(c), MetricsToken: o.metricsToken, Version: programVersion(),
		NoAuth: o.noAuth, Region: o.region,
		RunningPerFarm: o.runningPerFarm, RowLimit: o.rowLimit, TimeLimit: o.timeLimit,
	})
	if err != nil {
		return nil, err
	}
	if err := s.Recover(ctx); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

// announce says where the server is, and what is missing before anyone can ask it.
func (p *program) announce(ctx context.Context, o *serveOptions, c *storage.Catalog, url string) {
	fmt.Fprintf(p.stdout, "farmtally serves %s at %s\n", p.data, url)
	if o.noAuth {
		return
	}
	keys, err := c.Keys(ctx)
	for _, k := range keys {
		if k.RevokedAt == 0 {
			return
		}
	}
	if err == nil {
		fmt.Fprintln(p.stderr, "There is no access key yet: make one with 'farmtally keys create --name NAME'.")
	}
}

// stopServing lets requests and aggregations end, for shutdownLimit at most.
func stopServing(ctx context.Context, h *http.Server, s *server.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownLimit)
	defer cancel()
	err := h.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = h.Close()
	}
	return errors.Join(err, s.Close(ctx))
}
