package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A child is this program once more, where something must have a process of its own.

// childCommand makes the command; args follow the kind.
func childCommand(ctx context.Context, kind string, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find program: %w", err)
	}
	p := exec.CommandContext(ctx, self, "--child", strings.Join(append([]string{kind}, args...), "\n")) //nolint:gosec // this program
	p.Stderr = os.Stderr
	p.WaitDelay = 5 * time.Second
	return p, nil
}

// talker is another process, which is told a line at a time, and answers so.
type talker struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// talkTo starts the process.
func talkTo(p *exec.Cmd) (talker, error) {
	in, err := p.StdinPipe()
	if err != nil {
		return talker{}, err
	}
	out, err := p.StdoutPipe()
	if err != nil {
		return talker{}, err
	}
	return talker{p, in, bufio.NewReader(out)}, p.Start()
}

// end tells the process that there is no more, and waits for its end.
func (t *talker) end(ctx context.Context) error {
	if err := errors.Join(t.in.Close(), t.process.Wait()); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	return nil
}

// childNumber runs a child to its end and reads the number that it prints.
func (b *bench) childNumber(ctx context.Context, kind string, args ...string) (float64, error) {
	p, err := childCommand(ctx, kind, args...)
	if err != nil {
		return 0, err
	}
	out, err := p.Output()
	if err != nil {
		return 0, errors.Join(ctx.Err(), fmt.Errorf("measure in a process: %w", err))
	}
	return strconv.ParseFloat(string(bytes.TrimSpace(out)), 64)
}

// runChild is a child's main.
func runChild(ctx context.Context, o *options) error {
	kind, rest, _ := strings.Cut(o.child, "\n")
	args := strings.Split(rest, "\n")
	switch {
	case kind == "open" && len(args) == 1:
		return childOpen(ctx, args[0])
	case kind == "memory" && len(args) == 2:
		o.queries = args[1:]
		return childMemory(ctx, o, args[0])
	case kind == "send" && len(args) == 3:
		return childSend(ctx, errand{file: args[0], address: args[1], expected: args[2]})
	}
	return fmt.Errorf("--child %q: there is no such process", o.child)
}
