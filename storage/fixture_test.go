package storage

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
)

// childRole is the environment's variable that makes the test binary one of roles.
const childRole = "FARMTALLY_STORAGE_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(childRole)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child is another process on a data folder.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr bytes.Buffer
}

// start starts a process in a role and waits until it has said that it is ready.
func start(t *testing.T, role, dir string) *child {
	t.Helper()
	self, err := os.Executable()
	try(t, err)
	c := &child{cmd: exec.CommandContext(t.Context(), self, dir)}
	c.cmd.Env = append(os.Environ(), childRole+"="+role)
	c.cmd.Stderr = &c.stderr
	stdout, err := c.cmd.StdoutPipe()
	try(t, err)
	c.stdin, err = c.cmd.StdinPipe()
	try(t, err)
	try(t, c.cmd.Start())
	c.stdout = bufio.NewReader(stdout)
	if line, err := c.stdout.ReadString('\n'); line != "ready\n" {
		_ = c.cmd.Wait() // what it printed tells more
		t.Fatalf("%s said %q, error %v: %s", role, line, err, &c.stderr)
	}
	return c
}

// finish lets the process go on and waits for its end.
func (c *child) finish(t *testing.T) {
	t.Helper()
	_ = c.stdin.Close() // it may be closed
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("child: %v: %s", err, &c.stderr)
	}
}

// kill ends the process as a crash would.
func (c *child) kill(t *testing.T) {
	t.Helper()
	try(t, c.cmd.Process.Kill())
	_ = c.cmd.Wait() // it was killed
}

// ready is what a child says before it waits for finish.
func ready() {
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func open(t testing.TB, dir string) *Catalog {
	t.Helper()
	return openAt(t, dir, nil)
}

func openAt(t testing.TB, dir string, clock func() time.Time) *Catalog {
	t.Helper()
	c, err := Open(context.Background(), Config{Dir: dir, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func try(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t testing.TB, err error, kind farmtally.Kind) {
	t.Helper()
	if err == nil || farmtally.KindOf(err) != kind {
		t.Fatalf("error %v is of kind %d, want %d", err, farmtally.KindOf(err), kind)
	}
}

// files lists a folder of the data folder.
func files(t testing.TB, c *Catalog, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(c.Dir(), folder))
	try(t, err)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

const (
	farmA = farmtally.FarmID("farm-0000000000000000000000000000000a")
	farmB = farmtally.FarmID("farm-0000000000000000000000000000000b")
)

// ended makes an accepted record that has ended.
func ended(id string, at farmtally.Instant) farmtally.Record {
	return farmtally.Record{
		RecordID: id, FarmID: farmA, QueueID: farmtally.QueueID(farmtally.QueuePrefix + strings.Repeat("1", 32)),
		UsageType: farmtally.Compute, StartedAt: at, EndedAt: at + 1000,
		RuntimeMillis: 1000, HasRuntime: true, Cost: 5, HasCost: true, Workers: farmtally.One,
	}
}

// writeBatch writes a segment of n records in a new batch.
func writeBatch(c *Catalog, n int) (*Batch, *Segment, error) {
	var builder Builder
	for i := range n {
		r := ended(fmt.Sprintf("record-%08d", i), farmtally.Instant(i))
		builder.Add(&r)
	}
	b, err := c.BeginBatch()
	if err != nil {
		return nil, nil, err
	}
	s, err := b.Write(farmA, &builder, builder.Order())
	return b, s, err
}

// sorted gives the records by start and id.
func (h Hot) sorted() (records []farmtally.Record) {
	for r := range h.All() {
		records = append(records, *r)
	}
	slices.SortFunc(records, compareRecords)
	return records
}
