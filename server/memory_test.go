package server_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server"
)

// memory is a data folder in memory: a Catalog and the results.
type memory struct {
	mu           sync.Mutex
	farms        map[farmtally.FarmID]farmtally.Farm
	queues       []farmtally.Queue
	fleets       []farmtally.Fleet
	keys         map[string]farmtally.AccessKey
	aggregations map[string]farmtally.Aggregation
	results      map[string][]farmtally.Row
	broken       map[string]error // by method, what it fails with
	labels       []farmtally.Label
	version      int64
	still        bool // the version does not change by itself
}

// errPanic makes a method panic.
var errPanic = errors.New("panic")

func newMemory() *memory {
	return &memory{
		farms:        map[farmtally.FarmID]farmtally.Farm{},
		keys:         map[string]farmtally.AccessKey{},
		aggregations: map[string]farmtally.Aggregation{},
		results:      map[string][]farmtally.Row{},
		broken:       map[string]error{},
	}
}

func (m *memory) breakDown(method string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken[method] = err
}

func (m *memory) enter(method string) (func(), error) {
	m.mu.Lock()
	if errors.Is(m.broken[method], errPanic) {
		m.mu.Unlock()
		panic("a broken catalog at /secret/path")
	}
	return m.mu.Unlock, m.broken[method]
}

func (m *memory) Farms(context.Context) ([]farmtally.Farm, error) {
	leave, err := m.enter("Farms")
	defer leave()
	var farms []farmtally.Farm
	for _, f := range m.farms {
		farms = append(farms, f)
	}
	return farms, err
}

func (m *memory) Farm(_ context.Context, id farmtally.FarmID) (farmtally.Farm, error) {
	leave, err := m.enter("Farm")
	defer leave()
	f, ok := m.farms[id]
	if err == nil && !ok {
		err = farmtally.Errorf(farmtally.NotFound, "no farm %s", id)
	}
	return f, err
}

func (m *memory) Queues(_ context.Context, farm farmtally.FarmID) ([]farmtally.Queue, error) {
	leave, err := m.enter("Queues")
	defer leave()
	return slices.DeleteFunc(slices.Clone(m.queues), func(q farmtally.Queue) bool { return q.FarmID != farm }), err
}

func (m *memory) Fleets(_ context.Context, farm farmtally.FarmID) ([]farmtally.Fleet, error) {
	leave, err := m.enter("Fleets")
	defer leave()
	return slices.DeleteFunc(slices.Clone(m.fleets), func(f farmtally.Fleet) bool { return f.FarmID != farm }), err
}

func (m *memory) Version(context.Context) (int64, error) {
	leave, err := m.enter("Version")
	defer leave()
	if !m.still {
		m.version++
	}
	return m.version, err
}

func (m *memory) Key(_ context.Context, id string) (farmtally.AccessKey, error) {
	leave, err := m.enter("Key")
	defer leave()
	k, ok := m.keys[id]
	if err == nil && !ok {
		err = farmtally.Errorf(farmtally.NotFound, "no key %s", id)
	}
	return k, err
}

func (m *memory) TokenSecret(context.Context) ([]byte, error) {
	leave, err := m.enter("TokenSecret")
	defer leave()
	return bytes.Repeat([]byte{7}, 32), err
}

func (m *memory) BeginAggregation(_ context.Context, a farmtally.Aggregation, limit int) error {
	leave, err := m.enter("BeginAggregation")
	defer leave()
	if err != nil {
		return err
	}
	running := 0
	for _, old := range m.aggregations {
		if old.Query.FarmID == a.Query.FarmID && old.Status == farmtally.InProgress {
			running++
		}
	}
	if running >= limit {
		return farmtally.Errorf(farmtally.Throttled, "%d run already", running)
	}
	m.aggregations[a.ID] = a
	return nil
}

func (m *memory) FinishAggregation(_ context.Context, a farmtally.Aggregation) error {
	leave, err := m.enter("FinishAggregation")
	defer leave()
	if err != nil {
		return err
	}
	if _, ok := m.aggregations[a.ID]; !ok {
		return farmtally.Errorf(farmtally.NotFound, "no aggregation %s", a.ID)
	}
	m.aggregations[a.ID] = a
	return nil
}

func (m *memory) Aggregation(_ context.Context, farm farmtally.FarmID, id string) (farmtally.Aggregation, error) {
	leave, err := m.enter("Aggregation")
	defer leave()
	a, ok := m.aggregations[id]
	if err == nil && (!ok || a.Query.FarmID != farm) {
		err = farmtally.Errorf(farmtally.NotFound, "no aggregation %s", id)
	}
	return a, err
}

func (m *memory) Unfinished(context.Context) ([]farmtally.Aggregation, error) {
	leave, err := m.enter("Unfinished")
	defer leave()
	var list []farmtally.Aggregation
	for _, a := range m.aggregations {
		if a.Status == farmtally.InProgress {
			list = append(list, a)
		}
	}
	return list, err
}

func (m *memory) ExpireAggregations(_ context.Context, before farmtally.Instant) ([]string, error) {
	leave, err := m.enter("ExpireAggregations")
	defer leave()
	var ids []string
	for id, a := range m.aggregations {
		if err == nil && a.Query.AsOf < before {
			ids = append(ids, id)
			delete(m.aggregations, id)
		}
	}
	return ids, err
}

type memoryWriter struct {
	memory *memory
	id     string
	rows   []farmtally.Row
}

func (m *memory) create(id string) (server.ResultWriter, error) {
	leave, err := m.enter("CreateResult")
	defer leave()
	return &memoryWriter{memory: m, id: id}, err
}

func (w *memoryWriter) Append(row *farmtally.Row) error {
	leave, err := w.memory.enter("Append")
	defer leave()
	w.rows = append(w.rows, *row)
	return err
}

func (w *memoryWriter) Commit() error {
	leave, err := w.memory.enter("Commit")
	defer leave()
	w.memory.results[w.id] = w.rows
	return err
}

func (w *memoryWriter) Abort() error { return nil }

type memoryReader struct{ rows []farmtally.Row }

func (m *memory) open(id string) (server.ResultReader, error) {
	leave, err := m.enter("OpenResult")
	defer leave()
	rows, ok := m.results[id]
	if err == nil && !ok {
		err = farmtally.Errorf(farmtally.Corrupt, "the result %s is gone from /secret/path", id)
	}
	return &memoryReader{rows}, err
}

func (m *memory) remove(id string) error {
	leave, err := m.enter("RemoveResult")
	defer leave()
	delete(m.results, id)
	return err
}

func (r *memoryReader) Rows() int64 { return int64(len(r.rows)) }

func (r *memoryReader) Read(from int64, n int, yield func(*farmtally.Row) error) error {
	from = min(from, r.Rows())
	for i := range r.rows[from:min(from+int64(n), r.Rows())] {
		if err := yield(&r.rows[from+int64(i)]); err != nil {
			return err
		}
	}
	return nil
}

func (r *memoryReader) Close() error { return nil }

func (m *memory) Extent(context.Context, farmtally.FarmID) (x farmtally.Extent, err error) {
	leave, err := m.enter("Extent")
	defer leave()
	x.Widen(instant(midnight), instant(midnight.Add(8*time.Hour)))
	return x, err
}

func (m *memory) Labels(_ context.Context, farm farmtally.FarmID) ([]farmtally.Label, error) {
	leave, err := m.enter("Labels")
	defer leave()
	return slices.DeleteFunc(slices.Clone(m.labels), func(l farmtally.Label) bool { return l.FarmID != farm }), err
}

func (m *memory) SetLabel(_ context.Context, label farmtally.Label) error {
	leave, err := m.enter("SetLabel")
	defer leave()
	if err == nil {
		m.labels = append(m.labels, label)
	}
	return err
}
