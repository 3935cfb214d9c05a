package engine

import (
	"container/heap"
	"context"
	"fmt"
	"slices"

	"github.com/farmtally/farmtally"
)

// cursors are the partial results that have entries left, a heap by their first.
type cursors [][]entry

func (c cursors) Len() int           { return len(c) }
func (c cursors) Less(i, j int) bool { return c[i][0].compare(&c[j][0]) < 0 }
func (c cursors) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *cursors) Push(x any)        { *c = append(*c, x.([]entry)) }
func (c *cursors) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

// emit merges the inputs' entries, and gives each row once, in order.
func (a *aggregation) emit(ctx context.Context, partials [][]entry, emit func(*farmtally.Row) error) error {
	names, err := a.jobNames(ctx, partials)
	if err != nil {
		return err
	}
	heads := cursors(slices.DeleteFunc(partials, func(p []entry) bool { return len(p) == 0 }))
	heap.Init(&heads)
	for rows := int64(0); len(heads) > 0; rows++ {
		if rows%stepRows == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if a.limits.Rows > 0 && rows >= a.limits.Rows {
			return a.tooManyRows()
		}
		next := heads[0][0]
		heads.advance()
		for len(heads) > 0 && heads[0][0].compare(&next) == 0 {
			next.cell.Merge(&heads[0][0].cell)
			heads.advance()
		}
		if err := emit(a.row(&next, names)); err != nil {
			return err
		}
	}
	return nil
}

// advance takes the first entry away.
func (c *cursors) advance() {
	if (*c)[0] = (*c)[0][1:]; len((*c)[0]) == 0 {
		heap.Pop(c)
		return
	}
	heap.Fix(c, 0)
}

func (a *aggregation) row(e *entry, names map[string]string) *farmtally.Row {
	row := &farmtally.Row{Count: e.cell.Count, Cost: e.cell.Cost, Runtime: e.cell.Runtime}
	row.Start, row.End = a.query.Bounds(a.first + int64(e.bucket))
	for group, d := range a.query.GroupBy {
		row.Group[group] = a.rankings[group].texts[e.ranks[group]]
		if d == farmtally.ByJob {
			row.JobName = names[row.Group[group]]
		}
	}
	return row
}

// jobNames looks up the names of the jobs that the answer has.
func (a *aggregation) jobNames(ctx context.Context, partials [][]entry) (map[string]string, error) {
	group := slices.Index(a.query.GroupBy, farmtally.ByJob)
	if group < 0 {
		return nil, nil
	}
	texts := a.rankings[group].texts
	present := make([]bool, len(texts))
	for _, p := range partials {
		for i := range p {
			present[p[i].ranks[group]] = true
		}
	}
	var jobs []string
	for rank, text := range texts {
		if present[rank] && text != "" {
			jobs = append(jobs, text)
		}
	}
	names, err := a.snapshot.engine.catalog.JobNames(ctx, a.snapshot.farm, jobs)
	if err != nil {
		return nil, fmt.Errorf("name jobs: %w", err)
	}
	return names, nil
}
