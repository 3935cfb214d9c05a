package server

import (
	"bufio"
	"context"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
	"github.com/farmtally/farmtally/export"
)

// mediaTypes are those of the forms of export.StatisticsForms.
var mediaTypes = map[string]string{
	"csv":     "text/csv; charset=utf-8; header=present",
	"json":    "application/json",
	"ndjson":  "application/x-ndjson",
	"parquet": "application/vnd.apache.parquet",
	"arrow":   "application/vnd.apache.arrow.file",
}

// download is the body of an answer that is written as it comes into being. The time to
// write it in begins anew with every write: it may be long, but not stand still.
type download struct {
	w     http.ResponseWriter
	entry *entry
}

// Write implements io.Writer.
func (d *download) Write(p []byte) (int, error) {
	d.entry.begun = true
	// A test's recorder has no deadlines.
	_ = http.NewResponseController(d.w).SetWriteDeadline(time.Now().Add(writeTimeout))
	return d.w.Write(p)
}

// exportsAtOnce bounds the memory of exports: a file of columns holds a group of rows.
// Others wait for their turn, exportWait at the longest.
const (
	exportsAtOnce = 4
	exportWait    = 20 * time.Second
)

// export answers ExportAggregation: all rows of completed aggregations as a file, with
// exact decimals, and names beside ids.
func (s *Server) export(ctx context.Context, r *request) ([]byte, error) {
	form, _ := r.param("format")
	r.checkFarm()
	ids := r.partIDs()
	if !slices.Contains(export.StatisticsForms, form) {
		r.bad.add("format", "must be one of "+strings.Join(export.StatisticsForms, ", "))
	}
	if err := r.bad.exception(); err != nil {
		return nil, err
	}
	farm, err := s.readable(ctx, r)
	if err != nil {
		return nil, err
	}
	all, err := s.openParts(ctx, r.farm, ids)
	if err != nil {
		return nil, err
	}
	defer s.closeParts(all)
	if err := s.waitForExports(ctx); err != nil {
		return nil, err
	}
	defer func() { <-s.exports }()
	q := &all[0].aggregation.Query
	names, err := s.names(ctx, r.farm)
	if err != nil {
		return nil, err
	}
	h := r.download.w.Header()
	h.Set("Content-Type", mediaTypes[form])
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fileName(&farm, q, form)}))
	err = writeRows(bufio.NewWriterSize(r.download, 64<<10), form, all, names)
	if farmtally.KindOf(err) == farmtally.Corrupt {
		for _, id := range ids {
			s.results.drop(id)
		}
	}
	return nil, err
}

// waitForExports waits for the turn of a file. The caller gives it back in the end.
func (s *Server) waitForExports(ctx context.Context) error {
	timer := time.NewTimer(exportWait)
	defer timer.Stop()
	select {
	case s.exports <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return throttled(quotaExports, retryAfterSeconds, "%d files are being written, and no more can at once. Try again when one is done.", exportsAtOnce)
	}
}

// completed gives the open result of a completed aggregation. The caller calls done in
// the end.
func (s *Server) completed(ctx context.Context, farm farmtally.FarmID, id string) (*openResult, error) {
	a, err := s.aggregation(ctx, farm, id)
	if err != nil {
		return nil, err
	}
	if a.Status != farmtally.Completed {
		return nil, malformed(deadline.Other, "The aggregation is %s; it has rows once it is %s.", a.Status, farmtally.Completed)
	}
	if o := s.results.use(id); o != nil {
		return o, nil
	}
	return s.result(a)
}

// names gives a function that names the values of the farm's dimensions.
func (s *Server) names(ctx context.Context, farm farmtally.FarmID) (func(farmtally.Dimension, string) string, error) {
	type value struct {
		of   farmtally.Dimension
		text string
	}
	queues, fleets, err := s.resources(ctx, farm)
	if err != nil {
		return nil, err
	}
	known := map[value]string{}
	for _, q := range queues {
		known[value{farmtally.ByQueue, string(q.ID)}] = q.Name
	}
	for _, f := range fleets {
		known[value{farmtally.ByFleet, string(f.ID)}] = f.Name
	}
	labels, err := s.config.Catalog.Labels(ctx, farm)
	if err != nil {
		return nil, wrapList("labels", err)
	}
	for _, l := range labels {
		known[value{l.Dimension, l.Value}] = l.Text
	}
	return func(d farmtally.Dimension, v string) string { return known[value{d, v}] }, nil
}

// fileName is what a downloaded file is called: by its farm and the days of its range.
func fileName(farm *farmtally.Farm, q *farmtally.Query, form string) string {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '-'
		}
		return r
	}, farm.Name)
	if name == "" {
		name = string(farm.ID)
	}
	local := func(t farmtally.Instant) string {
		return t.Time().In(time.FixedZone("", int(q.Zone)*60)).Format(time.DateOnly)
	}
	return fmt.Sprintf("farmtally %s %s to %s.%s", name, local(q.Start), local(q.End-1), form)
}

// writeRows writes the rows of aggregations that ask the same about other queues or
// fleets, as those of one about all of them.
func writeRows(w *bufio.Writer, form string, all parts, names func(farmtally.Dimension, string) string) error {
	first := &all[0].aggregation
	out, err := export.NewStatisticsWriter(w, export.StatisticsConfig{
		Form: form, GroupBy: first.Query.GroupBy, Statistics: first.Query.Statistics, Spreadsheet: true,
	})
	if err != nil {
		return err
	}
	var r export.StatisticsRow
	err = all.each(func(row *farmtally.Row) error {
		for i, d := range first.Query.GroupBy {
			r.Names[i] = names(d, row.Group[i])
		}
		if err := r.SetRow(&first.Query, first.CostScale, row); err != nil {
			return err
		}
		return out.Write(&r)
	})
	if err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	if err := out.Close(all.end()); err != nil {
		return fmt.Errorf("end file: %w", err)
	}
	return w.Flush()
}
