package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
	"github.com/farmtally/farmtally/export"
)

// MaxExportParts is how many aggregations one file has the rows of: a hundred times ten queues.
const MaxExportParts = 100

// exportRows is how many rows of a part are read at once.
const exportRows = 1000

// parts are completed aggregations that ask the same about other queues or fleets, which
// AWS's bound of ten keeps from being one.
type parts []*part

// part is one of them, read from its beginning.
type part struct {
	*openResult
	ahead []farmtally.Row // read and not taken
	next  int64           // the row behind them
}

// partIDs reads the ids of a file's aggregations: the path's, and those of "with".
func (r *request) partIDs() []string {
	r.checkID("aggregationId", "", r.resource)
	ids := []string{r.resource}
	if with, ok := r.param("with"); ok {
		ids = append(ids, strings.Split(with, ",")...)
	}
	if len(ids) > MaxExportParts {
		r.bad.add("with", fmt.Sprintf("must have at most %d ids", MaxExportParts-1))
	}
	for _, id := range ids[1:] {
		if !farmtally.IsID("", id) {
			r.bad.add("with", fmt.Sprintf("must be ids of aggregations, %d lower-case hexadecimal digits each, with commas between", idDigits))
		}
	}
	return ids
}

// openParts opens the results of a file. The caller calls closeParts in the end.
func (s *Server) openParts(ctx context.Context, farm farmtally.FarmID, ids []string) (all parts, err error) {
	defer func() {
		if err != nil {
			s.closeParts(all)
		}
	}()
	for _, id := range ids {
		o, err := s.completed(ctx, farm, id)
		if err != nil {
			return all, err
		}
		all = append(all, &part{openResult: o})
	}
	first, seen := &all[0].aggregation, map[string]bool{}
	for _, p := range all {
		if !sameForm(first, &p.aggregation) || !slices.Equal(s.explorer.keepOf(first.ID), s.explorer.keepOf(p.aggregation.ID)) {
			return all, validation(deadline.FieldValidationFailed, []deadline.Field{{Name: "with", Message: "must be aggregations that ask the same, about other queues or fleets"}})
		}
		if id := p.repeats(seen); id != "" {
			return all, validation(deadline.FieldValidationFailed, []deadline.Field{{Name: "with", Message: "must have each queue or fleet once, and has " + id + " twice"}})
		}
	}
	return all, nil
}

// repeats gives a queue or fleet of the part that was seen before, "" for none.
func (p *part) repeats(seen map[string]bool) string {
	q := &p.aggregation.Query
	ids := make([]string, 0, len(q.QueueIDs)+len(q.FleetIDs))
	for _, id := range q.QueueIDs {
		ids = append(ids, string(id))
	}
	for _, id := range q.FleetIDs {
		ids = append(ids, string(id))
	}
	for _, id := range ids {
		if seen[id] {
			return id
		}
		seen[id] = true
	}
	return ""
}

func (s *Server) closeParts(all parts) {
	for _, p := range all {
		s.results.done(p.openResult)
	}
}

// each yields the rows of all parts in their order, those of the same bucket and group
// as one. A row is overwritten by the next.
func (all parts) each(yield func(*farmtally.Row) error) error {
	var row farmtally.Row
	for {
		first, err := all.first()
		if first == nil || err != nil {
			return err
		}
		row = first.take()
		for _, p := range all {
			if len(p.ahead) > 0 && p.ahead[0].Compare(&row) == 0 {
				other := p.take()
				row.Merge(&other)
			}
		}
		if err := yield(&row); err != nil {
			return err
		}
	}
}

// first gives the part whose next row comes first, nil where none has one.
func (all parts) first() (first *part, err error) {
	for _, p := range all {
		if err := p.read(); err != nil {
			return nil, err
		}
		if len(p.ahead) > 0 && (first == nil || p.ahead[0].Compare(&first.ahead[0]) < 0) {
			first = p
		}
	}
	return first, nil
}

// take takes the next row, which must have been read.
func (p *part) take() farmtally.Row {
	row := p.ahead[0]
	p.ahead = p.ahead[1:]
	return row
}

// read reads rows where none are left, if there are more.
func (p *part) read() error {
	want := min(exportRows, p.aggregation.Rows-p.next)
	if len(p.ahead) > 0 || want <= 0 {
		return nil
	}
	err := p.rows.Read(p.next, exportRows, func(row *farmtally.Row) error {
		p.ahead = append(p.ahead, *row)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read result: %w", err)
	}
	if int64(len(p.ahead)) != want {
		return farmtally.Errorf(farmtally.Corrupt, "result %s gave %d rows, not %d", p.aggregation.ID, len(p.ahead), want)
	}
	p.next += want
	return nil
}

// end is what a document says behind the rows: the ids and the messages of all parts.
func (all parts) end() export.StatisticsEnd {
	first := &all[0].aggregation
	var ids, messages []string
	for _, p := range all {
		ids = append(ids, p.aggregation.ID)
		if m := p.aggregation.Message; m != "" {
			messages = append(messages, m)
		}
	}
	return export.StatisticsEnd{
		Status: first.Status.String(), Message: strings.Join(messages, "; "),
		FarmID: string(first.Query.FarmID), AggregationID: strings.Join(ids, ","),
	}
}
