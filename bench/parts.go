package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// bench is a run.
type bench struct {
	*options
	dir     string
	asked   []question
	data    data
	results *results
}

// part is something that is measured.
type part struct {
	name, what string
	peers      bool // it is a comparison, and nothing without peers
	run        func(*bench, context.Context) error
}

// parts are all that is measured, in the order of a run.
var parts []part

func init() { // parse reads the names, so that a plain initializer would be a cycle
	parts = []part{
		{"bytes", "bytes on disk for a record", false, (*bench).measureBytes},
		{"open", "opening the data folder in a process of its own", false, (*bench).measureOpening},
		{"queries", "Q1 to Q5 beside the peers and the roofline", false, (*bench).measureQuestions},
		{"memory", "memory beside mapped files, of each question", false, (*bench).measureMemory},
		{"growth", "Q1 to Q5 on a tenth of the records too", false, (*bench).measureGrowth},
		{"again", "the same questions after 1 % new records", false, (*bench).measureAgain},
		{"parquet", "importing Parquet beside DuckDB", true, (*bench).measureParquet},
		{"push", "pushing records over HTTP, in batches and one by one", false, (*bench).measurePush},
		{"pages", "reading the pages of Q5's answer", false, (*bench).measurePages},
	}
}

func (b *bench) wants(p *part) bool {
	if p.peers && !b.peers {
		return false
	}
	return len(b.only) == 0 || slices.Contains(b.only, p.name)
}

// measureParts runs the parts that are wanted.
func (b *bench) measureParts(ctx context.Context) error {
	for i := range parts {
		p := &parts[i]
		if !b.wants(p) {
			continue
		}
		note("%s: %s", p.name, p.what)
		begun := time.Now()
		if err := p.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		note("%s: took %.0f s", p.name, time.Since(begun).Seconds())
	}
	return nil
}

// needs fails where a program is missing that the run starts.
func needs(o *options) error {
	if _, err := os.Stat(o.program); err != nil { //nolint:gosec // the user names it
		return fmt.Errorf("there is no program %s: 'make build' makes it, and --program names another", o.program)
	}
	if !o.peers {
		return nil
	}
	if _, err := exec.LookPath(node()); err != nil {
		return fmt.Errorf("there is no %s, in which ClickHouse runs: 'make setup' says what to install; --peers=false does without", node())
	}
	if _, err := os.Stat("clickhouse/node_modules/chdb"); err != nil {
		return errors.New("there are no packages in bench/clickhouse: 'make setup' installs them, and bench runs in the folder bench; --peers=false does without")
	}
	return nil
}

func node() string {
	if name := os.Getenv("FARMTALLY_NODE"); name != "" {
		return name
	}
	return "node"
}

// scratch makes a folder beside the data for do, and removes it.
func (b *bench) scratch(name string, do func(dir string) error) (err error) {
	dir := filepath.Join(b.dir, name)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clear folder: %w", err)
	}
	if err := os.Mkdir(dir, 0o750); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return do(dir)
}

// farmtally runs farmtally's program to its end, with the threads that everyone has, and
// gives what it prints.
func (b *bench) farmtally(ctx context.Context, args ...string) ([]byte, error) {
	p := b.command(ctx, args...)
	p.Env = append(p.Environ(), fmt.Sprintf("GOMAXPROCS=%d", threads))
	out, err := p.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, failed.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("run farmtally %s: %w", args[0], err)
	}
	return out, nil
}

// command is farmtally's program, which an interrupt ends as it ends everything.
func (b *bench) command(ctx context.Context, args ...string) *exec.Cmd {
	p := exec.CommandContext(ctx, b.program, args...) //nolint:gosec // the user names it
	p.Cancel = func() error { return p.Process.Signal(os.Interrupt) }
	p.WaitDelay = 15 * time.Second
	return p
}
