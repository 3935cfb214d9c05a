package ingest_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/rates"
)

// memory is a backend's import that keeps records in a map by their identity.
type memory struct {
	stored, adding map[identity]farmtally.Record
	addErr         error
	aborted        bool
}

type identity struct {
	farm  farmtally.FarmID
	id    string
	start farmtally.Instant
}

func (m *memory) Add(_ context.Context, r *farmtally.Record) error {
	if m.addErr != nil {
		return m.addErr
	}
	accepted := *r
	if err := accepted.Accept(); err != nil {
		return err
	}
	if m.adding == nil {
		m.adding = map[identity]farmtally.Record{}
	}
	m.adding[identity{r.FarmID, r.RecordID, r.StartedAt}] = accepted
	return nil
}

func (m *memory) Commit(ctx context.Context) (farmtally.Counts, error) {
	var counts farmtally.Counts
	if m.stored == nil {
		m.stored = map[identity]farmtally.Record{}
	}
	for id, r := range m.adding {
		old, ok := m.stored[id]
		switch {
		case !ok:
			counts.Add(farmtally.New)
		case old.SameAs(&r):
			counts.Add(farmtally.Unchanged)
		default:
			counts.Add(farmtally.Replaced)
		}
		m.stored[id] = r
	}
	m.adding = nil
	return counts, ctx.Err()
}

func (m *memory) Abort() error {
	m.adding, m.aborted = nil, true
	return nil
}

// records are those stored, by start and id.
func (m *memory) records() []farmtally.Record {
	return slices.SortedFunc(maps.Values(m.stored), func(a, b farmtally.Record) int {
		if a.StartedAt != b.StartedAt {
			return int(a.StartedAt - b.StartedAt)
		}
		return strings.Compare(a.RecordID, b.RecordID)
	})
}

// rejected runs Load over a text and gives what was rejected.
func load(t *testing.T, source ingest.Source, text string, to *memory, card *rates.Card) (ingest.Summary, []string, error) {
	t.Helper()
	var rejected []string
	summary, err := ingest.Load(t.Context(), ingest.LoadConfig{
		Files: []string{"-"}, Stdin: strings.NewReader(text), Source: source, Import: to,
		Card: func(context.Context, farmtally.FarmID, string) (*rates.Card, error) { return card, nil },
		Reject: func(r ingest.Rejection) {
			rejected = append(rejected, strings.TrimPrefix(r.String(), "-:"))
		},
	})
	return summary, rejected, err
}

// read gives a source's rows, with slices of their own.
func read(t testing.TB, source ingest.Source, in io.Reader) ([]ingest.Row, error) {
	t.Helper()
	var rows []ingest.Row
	err := source.Read(t.Context(), in, func(r *ingest.Row) error {
		kept := *r
		kept.Records, kept.Faults = slices.Clone(r.Records), slices.Clone(r.Faults)
		rows = append(rows, kept)
		return nil
	})
	return rows, err
}

var errBroken = errors.New("broken")
