package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/farmtally/farmtally/ingest"
)

// traced runs a program under ptrace and kills it as it is about to do the k-th thing to
// a file of the data folder: to make, write, cut, sync or remove one. So every state that
// a kill can leave is met, and not only those that last long enough for a timer.
type traced struct {
	data string
	k    int

	count  int
	last   string         // the operation before
	alike  int            // how many of them came one after the other
	killed string         // the operation that it was killed before, or ""
	met    map[string]int // operations by their kind, all runs
	err    error

	pause   func(what string) (goOn <-chan struct{}) // where it is set nothing is killed: a thread waits before what it was about to do until goOn is closed
	waiting int                                      // the thread that waits, or 0
	goOn    <-chan struct{}
}

// alikeStep is how many operations of one kind that follow each other count as one.
const alikeStep = 6

// run starts the command and follows it to its end. Ptrace belongs to a thread: the
// goroutine must be locked to one.
func (tr *traced) run(cmd *exec.Cmd, started func(pid int)) {
	tr.count, tr.last, tr.killed, tr.err = 0, "", "", nil
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if tr.err = cmd.Start(); tr.err != nil {
		return
	}
	pid := cmd.Process.Pid
	var status syscall.WaitStatus
	if _, tr.err = syscall.Wait4(pid, &status, 0, nil); tr.err != nil {
		return
	}
	const options = syscall.PTRACE_O_TRACECLONE | syscall.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL
	if tr.err = syscall.PtraceSetOptions(pid, options); tr.err != nil {
		return
	}
	if started != nil {
		started(pid)
	}
	for tid := pid; ; {
		signal := 0
		switch stop := status.StopSignal(); {
		case !status.Stopped():
		case stop == syscall.SIGTRAP|0x80:
			tr.atSyscall(pid, tid)
		case stop != syscall.SIGTRAP && stop != syscall.SIGSTOP:
			signal = int(stop)
		}
		if status.Stopped() && tid != tr.waiting {
			_ = syscall.PtraceSyscall(tid, signal) // it may have been killed meanwhile
		}
		tr.letGoOn()
		tid, tr.err = syscall.Wait4(-pid, &status, syscall.WALL, nil)
		switch {
		case errors.Is(tr.err, syscall.EINTR):
			continue
		case tr.err != nil:
			return
		case tid == pid && (status.Exited() || status.Signaled()):
			return
		}
	}
}

// letGoOn lets the thread that waits go on, if it may.
func (tr *traced) letGoOn() {
	select {
	case <-tr.goOn:
		_ = syscall.PtraceSyscall(tr.waiting, 0) // it may have been killed meanwhile
		tr.waiting, tr.goOn = 0, nil
	default:
	}
}

// check fails where the run could not be followed, or skips where the system forbids it.
func (tr *traced) check(t *testing.T) {
	t.Helper()
	switch {
	case errors.Is(tr.err, syscall.EPERM) && os.Getenv("FARMTALLY_REQUIRE_CLIENTS") != "1":
		t.Skipf("the system lets no process trace its child: %v", tr.err)
	case tr.err != nil:
		t.Fatal(tr.err)
	}
}

// syscallInfo is struct ptrace_syscall_info of Linux.
type syscallInfo struct {
	op     uint8
	_      [3]uint8
	_      uint32
	ip, sp uint64
	number uint64
	args   [6]uint64
}

func (tr *traced) atSyscall(pid, tid int) {
	const getSyscallInfo, entry = 0x420e, 1
	var info syscallInfo
	_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0) //nolint:gosec // the kernel fills it in
	if errno != 0 || info.op != entry {
		return
	}
	what := tr.operation(tid, &info)
	if what == "" {
		return
	}
	if tr.pause != nil {
		if tr.waiting == 0 {
			if tr.goOn = tr.pause(what); tr.goOn != nil {
				tr.waiting = tid
			}
		}
		return
	}
	if what != tr.last {
		tr.last, tr.alike = what, 0
	}
	if tr.alike++; tr.alike%alikeStep != 1 {
		return
	}
	if tr.count++; tr.count == tr.k {
		tr.killed = what
		tr.met[what]++
		_ = syscall.Kill(pid, syscall.SIGKILL) // it ends before it has done this
	}
}

// operation tells what is about to be done to which kind of file, or "".
func (tr *traced) operation(tid int, info *syscallInfo) string {
	names := map[uint64]string{
		unix.SYS_WRITE: "write", unix.SYS_PWRITE64: "write", unix.SYS_FSYNC: "sync", unix.SYS_FDATASYNC: "sync", unix.SYS_FTRUNCATE: "cut",
	}
	if name, ok := names[info.number]; ok {
		path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, info.args[0]))
		if err != nil || !strings.HasPrefix(path, tr.data) {
			return ""
		}
		return name + " " + kindOfFile(path)
	}
	path := ""
	switch {
	case info.number == unix.SYS_OPENAT && info.args[2]&unix.O_CREAT != 0:
		names[info.number], path = "make", textAt(tid, info.args[1])
	case info.number == unix.SYS_UNLINKAT:
		names[info.number], path = "remove", textAt(tid, info.args[1])
	case info.number == unix.SYS_UNLINK:
		names[info.number], path = "remove", textAt(tid, info.args[0])
	case info.number == unix.SYS_MUNMAP && tr.pause != nil:
		names[info.number], path = "unmap", mappedAt(tid, info.args[0])
	}
	if !strings.HasPrefix(path, tr.data) {
		return ""
	}
	return names[info.number] + " " + kindOfFile(path)
}

func kindOfFile(path string) string {
	switch name := filepath.Base(path); {
	case strings.HasSuffix(name, ".arrow"):
		return "segment"
	case strings.HasSuffix(name, ".lock") && len(name) == len("4f8c4dd5d4f68835.lock"):
		return "batch lock"
	default:
		return name
	}
}

// textAt reads a text of a thread that has stopped.
func textAt(tid int, at uint64) string {
	text := make([]byte, 512)
	n, _ := syscall.PtracePeekData(tid, uintptr(at), text) // what is not mapped is missed
	before, _, _ := bytes.Cut(text[:n], []byte{0})
	return string(before)
}

// mappedAt is the file that a thread's process has mapped at an address, or "".
func mappedAt(tid int, at uint64) string {
	maps, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", tid)) // it may have been killed meanwhile
	for line := range strings.Lines(string(maps)) {
		if fields := strings.Fields(line); len(fields) > 5 && strings.HasPrefix(fields[0], fmt.Sprintf("%x-", at)) {
			return fields[5]
		}
	}
	return ""
}

// sweepKills calls try with the moments at which to kill, until one is behind the end:
// of every step of them one.
func sweepKills(t *testing.T, step int, try func(tr *traced) (ended bool)) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tr := &traced{met: map[string]int{}}
	runs := 0
	for tr.k = 1 + rand.N(step); !try(tr); tr.k += step {
		runs++
	}
	t.Logf("%d kills, one of every %d operations of %d: %v", runs, step, tr.count, tr.met)
	if runs == 0 {
		t.Error("nothing was killed")
	}
}

// copyFolder copies a data folder that nobody has open.
func copyFolder(t *testing.T, from string) (to string) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// A compaction is killed before each thing that it does to a file (of many writes in a row, each sixth). Whatever was done by
// then, every record is there once, as it was imported last; and the next compaction
// brings the folder to where an undisturbed one would.
func TestEveryKillOfACompaction(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base")
	held := map[string]int{}
	for number := range 5 {
		if !killedImport(t, base, number, -1) {
			t.Fatal("an import that nobody killed failed")
		}
		apply(held, number)
	}
	step := 1
	if testing.Short() {
		step = 9
	}
	met := map[string]int{}
	sweepKills(t, step, func(tr *traced) bool {
		tr.data = copyFolder(t, base)
		cmd := command(t, "compact", "--data", tr.data)
		tr.run(cmd, nil)
		tr.check(t)
		if got := heldCosts(t, tr.data); !maps.Equal(got, held) {
			t.Fatalf("killed before operation %d, %s: %d records instead of %d", tr.k, tr.killed, len(got), len(held))
		}
		if tr.k%8 == 1 {
			do(t, "compact", "--data", tr.data)
			if got := heldCosts(t, tr.data); !maps.Equal(got, held) {
				t.Fatalf("compacted after a kill before operation %d, %s: %d records instead of %d", tr.k, tr.killed, len(got), len(held))
			}
			do(t, "check", "--data", tr.data)
		}
		maps.Copy(met, tr.met)
		return tr.killed == ""
	})
	if testing.Short() {
		return
	}
	for _, what := range []string{"make segment", "write segment", "sync segment", "sync segments", "write catalog.db-wal", "sync catalog.db-wal", "remove segment", "remove batch lock"} {
		if met[what] == 0 {
			t.Errorf("no kill came before: %s", what)
		}
	}
}

// An import that replaces half of what there is is killed before each thing that it does to a
// file: all of it is there, or nothing.
func TestEveryKillOfAnImport(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base")
	held := map[string]int{}
	for number := range 2 {
		if !killedImport(t, base, number, -1) {
			t.Fatal("an import that nobody killed failed")
		}
		apply(held, number)
	}
	with := maps.Clone(held)
	apply(with, 2)
	file := writeFile(t, "2.ndjson", killBatch(2))
	step := 1
	if testing.Short() {
		step = 5
	}
	nothing, all := 0, 0
	sweepKills(t, step, func(tr *traced) bool {
		tr.data = copyFolder(t, base)
		cmd := command(t, "import", "ndjson", "--data", tr.data, file)
		tr.run(cmd, nil)
		tr.check(t)
		switch got := heldCosts(t, tr.data); {
		case maps.Equal(got, with):
			all++
		case maps.Equal(got, held) && tr.killed != "":
			nothing++
		default:
			t.Fatalf("killed before operation %d, %s: %d records, neither the %d before nor the %d after", tr.k, tr.killed, len(got), len(held), len(with))
		}
		return tr.killed == ""
	})
	if nothing == 0 || all == 0 {
		t.Errorf("%d times nothing was there, %d times all", nothing, all)
	}
}

// A server that stores pushes, seals them and compacts the segments is killed before each
// thing that it does to a file. Every acknowledged row is there once, and of the batch
// that was on its way all rows or none.
func TestEveryKillOfPushes(t *testing.T) {
	const batches = 16
	base := filepath.Join(t.TempDir(), "base")
	do(t, "import", "ndjson", "--data", base, "--farm", "studio", writeFile(t, "base.ndjson", string(pushBatch(0))))
	t.Setenv(sealAt, "300")
	standardAWS(t, newKey(t, base))
	step := 3
	if testing.Short() {
		step = 30
	}
	met := map[string]int{}
	sweepKills(t, step, func(tr *traced) bool {
		tr.data = copyFolder(t, base)
		acknowledged := tr.pushes(t, batches)
		held := map[string]int{}
		for number := range acknowledged + 1 {
			applyPush(held, number)
		}
		with := maps.Clone(held)
		applyPush(with, acknowledged+1)
		if got := heldCosts(t, tr.data); !maps.Equal(got, held) && !maps.Equal(got, with) {
			t.Fatalf("killed before operation %d, %s: %d records, neither the %d of %d batches nor those and the next",
				tr.k, tr.killed, len(got), len(held), acknowledged)
		}
		maps.Copy(met, tr.met)
		return tr.killed == ""
	})
	if testing.Short() {
		return
	}
	sealing := met["make segment"] + met["write segment"] + met["sync segment"] + met["sync segments"]
	if sealing == 0 || met["write catalog.db-wal"] == 0 {
		t.Errorf("no kill met sealing, or none a transaction: %v", met)
	}
}

// pushes serves the folder, and pushes batches until the server is killed, or the last one
// is stored and the server killed then. It gives the number of the last one acknowledged.
func (tr *traced) pushes(t *testing.T, batches int) (acknowledged int) {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close() //nolint:errcheck // it is only read
	cmd := command(t, "serve", "--data", tr.data, "--listen", "localhost:0")
	cmd.Stdout = in
	done := make(chan error, 1)
	tr.run(cmd, func(pid int) {
		_ = in.Close() // the child has it
		go func() {
			var err error
			acknowledged, err = pushAll(t, out, batches)
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have been killed already
			done <- err
		}()
	})
	tr.check(t)
	if err := <-done; err != nil && tr.killed == "" {
		t.Fatal(err)
	}
	return acknowledged
}

// pushAll pushes batches to the server that says on out where it is.
func pushAll(t *testing.T, out io.Reader, batches int) (acknowledged int, err error) {
	line, err := bufio.NewReader(out).ReadString('\n')
	found := servedAt.FindStringSubmatch(line)
	if found == nil {
		return 0, fmt.Errorf("serve says %q: %w", line, err)
	}
	farm, err := (&pushOptions{farm: "studio", kind: ingest.DefaultKind, batch: 1, atOnce: 1}).target()
	if err != nil {
		return 0, err
	}
	s, err := (&program{stderr: io.Discard}).newSender(context.Background(), found[1], farm, 0)
	if err != nil {
		return 0, err
	}
	for number := 1; number <= batches; number++ {
		result, err := s.send(t.Context(), pushBatch(number))
		if err != nil {
			return acknowledged, err
		}
		if result.Records != pushRows {
			return acknowledged, fmt.Errorf("batch %d: %+v", number, result)
		}
		acknowledged = number
	}
	return acknowledged, nil
}
