package server

import (
	"fmt"
	"slices"
	"strings"

	"github.com/farmtally/farmtally"
)

// keptRows are the rows of an answer of the explorer. They are kept in memory: they
// belong to somebody who looks at them now.
type keptRows struct {
	rows  []farmtally.Row
	texts map[string]string // copies: a row's texts may be the backend's own, and end with the snapshot
	keep  []keep
	most  int
	owner *exploration
}

// keep is a value that rows must have in one of the dimensions they are grouped by.
type keep struct {
	at    int // of the query's GroupBy
	value string
}

// errTooManyRows ends an answer that nobody could look at.
var errTooManyRows = farmtally.Errorf(farmtally.TooLarge, "too many rows to look at")

// Append implements ResultWriter.
func (k *keptRows) Append(row *farmtally.Row) error {
	for _, want := range k.keep {
		if row.Group[want.at] != want.value {
			return nil
		}
	}
	if len(k.rows) >= k.most {
		return errTooManyRows
	}
	kept := *row
	for i, text := range row.Group {
		kept.Group[i] = k.text(text)
	}
	kept.JobName = k.text(row.JobName)
	k.rows = append(k.rows, kept)
	return nil
}

// text gives the one copy of a text.
func (k *keptRows) text(s string) string {
	if s == "" {
		return ""
	}
	kept, ok := k.texts[s]
	if !ok {
		kept = strings.Clone(s)
		k.texts[kept] = kept
	}
	return kept
}

// Commit implements ResultWriter.
func (k *keptRows) Commit() error {
	k.owner.rows = k.rows
	return nil
}

// Abort implements ResultWriter.
func (k *keptRows) Abort() error {
	k.rows = nil
	return nil
}

// rowReader reads rows that are kept in memory.
type rowReader []farmtally.Row

// Rows implements ResultReader.
func (r rowReader) Rows() int64 { return int64(len(r)) }

// Read implements ResultReader.
func (r rowReader) Read(from int64, n int, yield func(*farmtally.Row) error) error {
	from = min(max(from, 0), int64(len(r)))
	part := r[from:]
	for i := range part[:min(n, len(part))] {
		if err := yield(&part[i]); err != nil {
			return err
		}
	}
	return nil
}

// Close implements ResultReader.
func (r rowReader) Close() error { return nil }

// keepBody is the member of a Start that the explorer adds to AWS's: which rows of the
// answer it wants. A dimension without a value is the group that lacks it.
type keepBody struct {
	Keep []struct {
		Dimension string `json:"dimension"`
		Value     string `json:"value"`
	} `json:"keep"`
}

// keeps maps the member to the query's dimensions.
func (b keepBody) keeps(q *farmtally.Query, bad *faults) []keep {
	var out []keep
	for i, k := range b.Keep {
		name := fmt.Sprintf("keep[%d].dimension", i)
		d, err := farmtally.ParseDimension(k.Dimension)
		if err != nil {
			bad.add(name, mustBe(err))
			continue
		}
		at := slices.Index(q.GroupBy, d)
		if at < 0 {
			bad.add(name, "must be one of groupBy")
			continue
		}
		out = append(out, keep{at, k.Value})
	}
	return out
}
