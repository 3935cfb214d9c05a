package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
)

// soakTime names the environment's variable that says how long a soak lasts.
const soakTime = "FARMTALLY_SOAK"

// A soak's writers bring these records again and again, so many at once. The server seals
// so many at once that it compacts, too.
const (
	soakSeal    = 2000
	soakPushers = 2
	pusherRing  = 4000
	pusherRows  = 300
	loaderRing  = 20_000
	loaderRows  = 4000
	bothRing    = 600 // records that all of them bring
	bothRows    = 150
)

// What a server may take while it soaks, beside what its segments take.
const (
	soakFiles  = 200       // two each of 64 results, the catalog's, clients
	soakMemory = 512 << 20 // of its own, not that of mapped files
	soakLog    = 96 << 20  // the catalog's write-ahead log, which begins anew at 32 MiB, when nobody reads it
)

// writer brings records of its own, each of which costs as many dollars as the batch that
// brought it last has as its number. So what a queue costs grows with each batch.
type writer struct {
	prefix     string
	ring, rows int
	number     int // of the next batch
	held       map[string]int
	both       map[string]int // of what others bring too, as it brought it last
	doubtful   bool           // whether the next batch may be there

	// What the ended records cost: acknowledged, and with the batch under way.
	least, most atomic.Int64
}

func newWriter(prefix string, ring, rows int) *writer {
	return &writer{prefix: prefix, ring: ring, rows: rows, number: 1, held: map[string]int{}, both: map[string]int{}}
}

// ended reports whether a record has ended in all batches. The others run in every
// other one.
func ended(id int) bool { return id%4 != 0 }

func (w *writer) each(yield func(id int)) {
	for i := range w.rows {
		yield((w.number*w.rows*2/3 + i) % w.ring)
	}
}

func (w *writer) name(id int) string { return w.prefix + strconv.Itoa(id) }

// eachOfBoth are the records of the next batch that others bring too. Two batches of three
// bring what the one before has brought.
func (w *writer) eachOfBoth(yield func(name string, cost int)) {
	cost := w.number / 3
	for i := range bothRows {
		yield("both"+strconv.Itoa((cost*bothRows*2/3+i)%bothRing), cost)
	}
}

// batch is the NDJSON of the next batch.
func (w *writer) batch() []byte {
	var b bytes.Buffer
	w.each(func(id int) {
		queue, end := "q", fmt.Sprintf(`,"endedAt":"2026-01-%02dT%02d:30:00Z"`, 1+id%28, id%24)
		if !ended(id) {
			queue = "running"
			if w.number%2 == 0 {
				end = ""
			}
		}
		fmt.Fprintf(&b, `{"recordId":%q,"queueId":%q,"usageType":"COMPUTE","userId":"u%d","costInUsd":%d,"startedAt":"2026-01-%02dT%02d:00:00Z"%s}`+"\n",
			w.name(id), queue, id%7, w.number, 1+id%28, id%24, end)
	})
	w.eachOfBoth(func(name string, cost int) {
		fmt.Fprintf(&b, `{"recordId":%q,"queueId":"both","usageType":"COMPUTE","userId":%q,"costInUsd":%d,"startedAt":"2026-01-10T00:00:00Z","endedAt":"2026-01-12T00:00:00Z"}`+"\n",
			name, w.prefix, cost)
	})
	return b.Bytes()
}

// sends says that the next batch is on its way.
func (w *writer) sends() {
	most := w.least.Load()
	w.each(func(id int) {
		if ended(id) {
			most += int64(w.number - w.held[w.name(id)])
		}
	})
	w.most.Store(most)
	w.doubtful = true
}

// sent says that it is there.
func (w *writer) sent() {
	w.each(func(id int) { w.held[w.name(id)] = w.number })
	w.eachOfBoth(func(name string, cost int) { w.both[name] = cost })
	w.least.Store(w.most.Load())
	w.number++
	w.doubtful = false
}

// lost says that it is not there, nor on its way any more.
func (w *writer) lost() {
	w.most.Store(w.least.Load())
	w.doubtful = false
}

// with is what the writer holds if its next batch is there.
func (w *writer) with() map[string]int {
	with := maps.Clone(w.held)
	w.each(func(id int) { with[w.name(id)] = w.number })
	return with
}

// soak is a folder that is written and read for a long time.
type soak struct {
	data    string
	server  *process
	pushers []*writer
	loader  *writer
	killed  atomic.Bool // the server, or the import

	asked               atomic.Int64
	kills, ends, doubts int

	// The most that there was of them.
	files, segments int
	memory, log     int64
}

func (s *soak) writers() []*writer { return append([]*writer{s.loader}, s.pushers...) }

// A server gets pushes of several clients and questions, beside it files are imported, it
// seals and compacts; it is killed at any moment, or ended in peace, or goes on. All the time
// answers lie between what was acknowledged and what was sent; where the writers rest they
// are what was acknowledged, and after each end of the server the folder holds that and
// nothing else. What the server takes of memory, files and disk has a bound. It lasts as long
// as FARMTALLY_SOAK says: see make soak.
func TestSoak(t *testing.T) {
	lasts, err := time.ParseDuration(os.Getenv(soakTime))
	switch {
	case err == nil:
	case testing.Short():
		lasts = 5 * time.Second
	default:
		lasts = 15 * time.Second
	}
	s := newSoak(t)
	batches := 0 // a slow machine may take longer for the first of them, and for the first question
	for until := time.Now().Add(lasts); (time.Now().Before(until) || batches == 0 || s.asked.Load() == 0) && !t.Failed(); {
		s.round(t)
		batches = 0
		for _, w := range s.writers() {
			batches += w.number - 1
		}
	}
	t.Logf("%d batches, %d questions; the server was killed %d times and ended %d times in peace; %d batches were durable and not acknowledged",
		batches, s.asked.Load(), s.kills, s.ends, s.doubts)
	t.Logf("at most: %d segments, %d open files, %d KiB of memory, %d bytes of log", s.segments, s.files, s.memory, s.log)
	if batches == 0 || s.asked.Load() == 0 {
		t.Error("nothing was written, or nothing asked")
	}
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{data: filepath.Join(t.TempDir(), "data")}
	s.loader = newWriter("loaded", loaderRing, loaderRows)
	for i := range soakPushers {
		s.pushers = append(s.pushers, newWriter(fmt.Sprintf("pushed%d-", i), pusherRing, pusherRows))
	}
	t.Setenv(sealAt, strconv.Itoa(soakSeal))
	if err := s.load(t, -1); err != nil {
		t.Fatal(err)
	}
	standardAWS(t, newKey(t, s.data))
	s.server = serve(t, s.data)
	return s
}

// round lets all write and ask for some seconds, and then looks.
func (s *soak) round(t *testing.T) {
	t.Helper()
	s.killed.Store(false)
	ends := []func(*testing.T){s.rest, s.rest, s.end, s.kill}
	end := rand.N(len(ends))
	lasts := rand.N(3 * time.Second)
	ctx, stop := context.WithTimeout(t.Context(), lasts)
	defer stop()
	var all sync.WaitGroup
	failed := make(chan error, len(s.pushers)+2)
	work := func(f func(context.Context) error) {
		all.Go(func() {
			if err := f(ctx); err != nil {
				failed <- err
			}
		})
	}
	for _, w := range s.pushers {
		work(func(ctx context.Context) error { return s.push(ctx, w) })
	}
	work(func(ctx context.Context) error { return s.ask(ctx, t) })
	work(func(ctx context.Context) error { return s.loads(ctx, t, rand.N(2) == 0) })
	if end == len(ends)-1 {
		<-ctx.Done()
		s.killed.Store(true)
		_ = s.server.Process.Kill()
	}
	all.Wait()
	close(failed)
	for err := range failed {
		t.Errorf("%v\n%s", err, s.server.stderr)
	}
	if !t.Failed() {
		ends[end](t)
	}
}

// push pushes batches until the time is over.
func (s *soak) push(ctx context.Context, w *writer) error {
	farm, err := (&pushOptions{farm: "studio", kind: ingest.DefaultKind, batch: 1, atOnce: 1}).target()
	if err != nil {
		return err
	}
	sender, err := (&program{stderr: io.Discard}).newSender(context.WithoutCancel(ctx), s.server.url, farm, 0)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		w.sends()
		result, err := sender.send(context.WithoutCancel(ctx), w.batch())
		switch {
		case err != nil && s.killed.Load():
			return nil
		case err != nil:
			return fmt.Errorf("push batch %d of %s: %w", w.number, w.prefix, err)
		case result.Records != int64(w.rows+bothRows):
			return fmt.Errorf("push batch %d of %s: %+v", w.number, w.prefix, result)
		}
		w.sent()
	}
	return nil
}

// loads imports batches until the time is over, or one that is killed after a while.
func (s *soak) loads(ctx context.Context, t *testing.T, kill bool) error {
	t.Helper()
	after := time.Duration(-1)
	if kill {
		after = rand.N(300 * time.Millisecond)
	}
	for ctx.Err() == nil && !s.loader.doubtful {
		if err := s.load(t, after); err != nil {
			return err
		}
	}
	return nil
}

// load imports a batch in a process of its own and kills it after a while, unless that is
// negative. Whether it was in time for that is told by the writer's doubt.
func (s *soak) load(t *testing.T, after time.Duration) error {
	t.Helper()
	w := s.loader
	w.sends()
	cmd := command(t, "import", "ndjson", "--data", s.data, "--farm", "studio", "-")
	cmd.Stdin = bytes.NewReader(w.batch())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if after >= 0 {
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) // it may have ended
		defer timer.Stop()
	}
	switch err := cmd.Wait(); {
	case err == nil:
		w.sent()
		return nil
	case after >= 0 && strings.Contains(err.Error(), "killed"):
		return nil
	default:
		return fmt.Errorf("import batch %d: %w\n%s%s", w.number, err, &stdout, &stderr)
	}
}

// ask asks what the ended records cost, until the time is over.
func (s *soak) ask(ctx context.Context, t *testing.T) error {
	t.Helper()
	for last := int64(0); ctx.Err() == nil; {
		least := max(last, s.sum((*writer).acknowledged))
		got, err := s.cost(t)
		switch most := s.sum((*writer).underWay); {
		case err != nil && s.killed.Load():
			return nil
		case err != nil:
			return err
		case got < least || got > most:
			return fmt.Errorf("the records cost %d, which is not in [%d, %d]", got, least, most)
		}
		last = got
	}
	return nil
}

func (w *writer) acknowledged() int64 { return w.least.Load() }
func (w *writer) underWay() int64     { return w.most.Load() }

func (s *soak) sum(of func(*writer) int64) (sum int64) {
	for _, w := range s.writers() {
		sum += of(w)
	}
	return sum
}

// soakQuestions are ways to ask for one sum.
var soakQuestions = [][]string{
	{"--group-by", "queue"},
	{"--group-by", "user,usage-type", "--period", "weekly"},
	{"--group-by", "user", "--period", "hourly"},
	{"--group-by", "queue", "--period", "daily", "--timezone", "UTC+05:30"},
}

// cost asks the server what the ended records cost, in dollars.
func (s *soak) cost(t *testing.T) (dollars int64, err error) {
	t.Helper()
	s.asked.Add(1)
	args := append([]string{"stats", "--endpoint", s.server.url, "--farm", "studio", "--queue", "q", "--from", "2026-01-01", "--to", "2026-02-01", "--output", "csv"},
		soakQuestions[rand.N(len(soakQuestions))]...)
	cmd := command(t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("ask: %w: %s", err, &stderr)
	}
	lines, err := csv.NewReader(&stdout).ReadAll()
	if err != nil {
		return 0, err
	}
	at := slices.Index(lines[0], "costInUsd.sum")
	var sum farmtally.Money
	for _, line := range lines[1:] {
		cost, err := farmtally.ParseMoney(line[at])
		if err != nil {
			return 0, err
		}
		sum += cost
	}
	if sum%1_000_000_000 != 0 {
		return 0, fmt.Errorf("%d nano-dollars are no whole dollars", sum)
	}
	return int64(sum / 1_000_000_000), nil
}

// rest looks while nobody writes.
func (s *soak) rest(t *testing.T) {
	t.Helper()
	got, err := s.cost(t)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case got == s.sum((*writer).acknowledged):
		s.loader.lost()
	case got == s.sum((*writer).underWay):
		s.durable(s.loader)
	default:
		t.Fatalf("the records cost %d, neither %d nor %d", got, s.sum((*writer).acknowledged), s.sum((*writer).underWay))
	}
	s.bounded(t)
}

// durable says that a batch is there that nobody acknowledged.
func (s *soak) durable(w *writer) {
	if w.doubtful {
		s.doubts++
		w.sent()
	}
}

// end ends the server in peace, and kill has ended it otherwise. Both look into the folder
// then, and serve it again.
func (s *soak) end(t *testing.T) {
	t.Helper()
	s.ends++
	s.server.stop(t)
	s.again(t)
}

func (s *soak) kill(t *testing.T) {
	t.Helper()
	s.kills++
	if err := s.server.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the server ended by itself: %v\n%s", err, s.server.stderr)
	}
	s.again(t)
}

func (s *soak) again(t *testing.T) {
	t.Helper()
	got := heldCosts(t, s.data)
	for _, w := range s.writers() {
		its := map[string]int{}
		for id, number := range got {
			if strings.HasPrefix(id, w.prefix) {
				its[id] = number
			}
		}
		switch {
		case maps.Equal(its, w.held):
			w.lost()
		case w.doubtful && maps.Equal(its, w.with()):
			s.durable(w)
		default:
			t.Fatalf("%d records of %s, neither the %d acknowledged nor those of batch %d", len(its), w.prefix, len(w.held), w.number)
		}
	}
	s.onceOfBoth(t, got)
	do(t, "check", "--data", s.data)
	s.server = serve(t, s.data)
}

// onceOfBoth fails where a record that several writers bring is not as one of them brought it
// last. That it is there once heldCosts has seen.
func (s *soak) onceOfBoth(t *testing.T, got map[string]int) {
	t.Helper()
	for i := range bothRing {
		name := "both" + strconv.Itoa(i)
		cost, there := got[name]
		var last []int
		for _, w := range s.writers() {
			if cost, brought := w.both[name]; brought {
				last = append(last, cost)
			}
		}
		if there != (len(last) > 0) || there && !slices.Contains(last, cost) {
			t.Errorf("record %s costs %d (%v), and was brought last with %v", name, cost, there, last)
		}
	}
}

// bounded fails where the server takes too much.
func (s *soak) bounded(t *testing.T) {
	t.Helper()
	log, err := os.Stat(filepath.Join(s.data, "catalog.db-wal"))
	if err == nil && log.Size() > soakLog {
		t.Errorf("the catalog's log has %d bytes", log.Size())
	}
	segments, err := os.ReadDir(filepath.Join(s.data, "segments"))
	if err != nil {
		t.Fatal(err)
	}
	process := fmt.Sprintf("/proc/%d/", s.server.Process.Pid)
	files, err := os.ReadDir(process + "fd")
	if errors.Is(err, os.ErrNotExist) {
		return // no Linux
	}
	if len(files) > soakFiles+len(segments) {
		t.Errorf("the server has %d files open, and there are %d segments", len(files), len(segments))
	}
	status, err := os.ReadFile(process + "status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "RssAnon:")
	kib, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
	if err != nil || kib<<10 > soakMemory {
		t.Errorf("the server takes %d KiB (%v)", kib, err)
	}
	s.files, s.memory, s.log, s.segments = max(s.files, len(files)), max(s.memory, kib), max(s.log, log.Size()), max(s.segments, len(segments))
}
