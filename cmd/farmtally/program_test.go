package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asProgram makes the test binary be the program, so that a test can start it as a
// process.
const asProgram = "FARMTALLY_TEST_AS_PROGRAM"

// sealAt names the environment's variable with sealRecords for a program.
const sealAt = "FARMTALLY_TEST_SEAL_RECORDS"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		sealRecords, _ = strconv.Atoi(os.Getenv(sealAt))
		main()
		return
	}
	code := m.Run()
	for _, folder := range []string{modelRoot, goClientFolder} {
		if folder != "" {
			_ = os.RemoveAll(folder) // one of the system's temporary folders
		}
	}
	os.Exit(code)
}

// outcome is what a run of the program came to.
type outcome struct {
	code           int
	stdout, stderr string
}

// testNow is the present of the programs that tests run in this process.
var testNow = time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)

// invocation is a run of the program in this process.
type invocation struct {
	stdin string
	env   map[string]string
	now   time.Time
	ctx   context.Context //nolint:containedctx // one run's
}

// run runs the true program in this process.
func (i invocation) run(t *testing.T, args ...string) outcome {
	t.Helper()
	if i.now.IsZero() {
		i.now = testNow
	}
	if i.ctx == nil {
		i.ctx = t.Context()
	}
	var stdout, stderr bytes.Buffer
	p := &program{
		args: args, stdin: strings.NewReader(i.stdin), stdout: &stdout, stderr: &stderr,
		env: func(name string) (string, bool) { v, ok := i.env[name]; return v, ok },
		now: func() time.Time { return i.now },
	}
	code := p.run(i.ctx)
	return outcome{code, stdout.String(), stderr.String()}
}

// do runs the program and fails the test where it fails.
func do(t *testing.T, args ...string) string {
	t.Helper()
	got := invocation{}.run(t, args...)
	if got.code != exitDone {
		t.Fatalf("farmtally %s exits with %d:\n%s%s", strings.Join(args, " "), got.code, got.stdout, got.stderr)
	}
	return got.stdout
}

// doJSON runs the program and reads its output as one JSON document.
func doJSON(t *testing.T, to any, args ...string) {
	t.Helper()
	text := do(t, args...)
	if err := json.Unmarshal([]byte(text), to); err != nil {
		t.Fatalf("farmtally %s prints no JSON document: %v\n%s", strings.Join(args, " "), err, text)
	}
}

// writeFile makes a file in a folder of the test's own.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// newKey makes a key in the data folder.
func newKey(t *testing.T, data string) (key createdKey) {
	t.Helper()
	doJSON(t, &key, "keys", "create", "--data", data, "--name", "test", "--output", "json")
	return key
}

// process is the program as a process of its own.
type process struct {
	*exec.Cmd
	url    string
	stderr *bytes.Buffer
}

var servedAt = regexp.MustCompile(`^farmtally serves .* at (http://\S+)\n$`)

// command is the program as a process, not yet started.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test's own context ends before its clean-up, which wants to see a server end
	// in peace.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// serve starts a server as a process and waits until it answers. It is interrupted
// at the end of the test, and must then end in peace.
func serve(t *testing.T, data string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: command(t, append([]string{"serve", "--data", data, "--listen", "localhost:0"}, args...)...)}
	p.stderr = new(bytes.Buffer)
	p.Stderr = p.stderr
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	found := servedAt.FindStringSubmatch(line)
	if found == nil {
		_ = p.Wait() // it has said why on stderr
		t.Fatalf("serve says %q (%v):\n%s", line, err, p.stderr)
	}
	p.url = found[1]
	t.Cleanup(func() { p.stop(t) })
	return p
}

// stop interrupts the server, once, and waits for its end.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if p.ProcessState != nil {
		return
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("an interrupted server ends with %v:\n%s", err, p.stderr)
	}
}
