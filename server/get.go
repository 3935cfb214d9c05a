package server

import (
	"context"
	"fmt"
	"strconv"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// get answers GetSessionsStatisticsAggregation.
func (s *Server) get(ctx context.Context, r *request) ([]byte, error) {
	return s.getPage(ctx, r, maxResults)
}

// getPage is get with pages of at most so many rows.
func (s *Server) getPage(ctx context.Context, r *request, most int) ([]byte, error) {
	r.checkFarm()
	id, _ := r.param("aggregationId")
	r.checkID("aggregationId", "", id)
	limit := r.limitTo(most)
	pages := scope("GetSessionsStatisticsAggregation", string(r.farm), id)
	from, err := parseRow(r.position(s.tokens, pages))
	if err != nil {
		return nil, err
	}
	if err := r.bad.exception(); err != nil {
		return nil, err
	}
	if !r.key.MayRead(r.farm) {
		return nil, denied(r.farm)
	}
	if o := s.results.use(id); o != nil {
		defer s.results.done(o)
		if a := &o.aggregation; a.Query.FarmID == r.farm && a.Query.AsOf >= s.oldest() {
			return s.page(o, pages, from, limit)
		}
	}
	a, err := s.aggregation(ctx, r.farm, id)
	if err != nil {
		return nil, err
	}
	switch a.Status {
	case farmtally.Completed:
		o, err := s.result(a)
		if err != nil {
			return nil, err
		}
		defer s.results.done(o)
		return s.page(o, pages, from, limit)
	case farmtally.InProgress:
		a.Message = s.running(id).progress()
	}
	return deadline.NewPage(nil).Finish(a.Status.String(), a.Message, ""), nil
}

func parseRow(position string) (int64, error) {
	if position == "" {
		return 0, nil
	}
	row, err := strconv.ParseInt(position, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read position of a token: %w", err)
	}
	return row, nil
}

// aggregation gives an aggregation that lives.
func (s *Server) aggregation(ctx context.Context, farm farmtally.FarmID, id string) (farmtally.Aggregation, error) {
	if a, ok := s.explorer.lookup(farm, id); ok {
		return a, nil
	}
	a, err := s.config.Catalog.Aggregation(ctx, farm, id)
	switch kind := farmtally.KindOf(err); {
	case err != nil && kind != farmtally.NotFound:
		return a, fmt.Errorf("read aggregation: %w", err)
	case err == nil && a.Query.AsOf >= s.oldest():
		return a, nil
	}
	if _, err := s.farm(ctx, farm); err != nil {
		return a, err
	}
	return a, notFound(farmtally.AggregationType, id)
}

// page gives the rows from a position on. Where they can't be read any more, the
// answer is an error: the rows of another run could be others, and no page may mix
// the two.
func (s *Server) page(o *openResult, pages string, from int64, limit int) (body []byte, err error) {
	a := &o.aggregation
	defer func() {
		if err != nil {
			s.results.drop(a.ID)
		}
	}()
	page, rows := deadline.NewPage(s.buffer()), int64(0)
	err = o.rows.Read(from, limit, func(row *farmtally.Row) error {
		wire := statistics(a, row)
		page.Add(&wire)
		rows++
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	if want := min(int64(limit), max(a.Rows-from, 0)); rows != want {
		return nil, farmtally.Errorf(farmtally.Corrupt, "result %s gave %d rows, not %d", a.ID, rows, want)
	}
	next := ""
	if from+rows < a.Rows {
		next = s.tokens.make(pages, strconv.FormatInt(from+rows, 10))
	}
	return page.Finish(a.Status.String(), a.Message, next), nil
}

// statistics maps a row to the wire.
func statistics(a *farmtally.Aggregation, row *farmtally.Row) deadline.Statistics {
	w := deadline.Statistics{
		Count:                row.Count,
		CostInUsd:            stats(a.Query.Statistics, &row.Cost, row.Count, farmtally.NanosPerDollar, a.CostScale),
		RuntimeInSeconds:     stats(a.Query.Statistics, &row.Runtime, row.Count, farmtally.MillisPerSecond, farmtally.DefaultCostScale),
		AggregationStartTime: row.Start.Time(),
		AggregationEndTime:   row.End.Time(),
	}
	for i, d := range a.Query.GroupBy {
		switch v := row.Group[i]; d {
		case farmtally.ByQueue:
			w.QueueID = v
		case farmtally.ByFleet:
			w.FleetID = v
		case farmtally.ByJob:
			w.JobID, w.JobName = v, row.JobName
		case farmtally.ByUser:
			w.UserID = v
		case farmtally.ByUsageType:
			w.UsageType = v
		case farmtally.ByInstanceType:
			w.InstanceType = v
		case farmtally.ByLicenseProduct:
			w.LicenseProduct = v
		}
	}
	return w
}

func stats(of []farmtally.Statistic, s *farmtally.Stat, count int64, scale farmtally.Scale, factor farmtally.CostScale) deadline.Stats {
	var w deadline.Stats
	for _, statistic := range of {
		v := s.Value(statistic, count, scale, factor)
		switch statistic {
		case farmtally.StatSum:
			w.Sum, w.Has = v, w.Has|deadline.HasSum
		case farmtally.StatMin:
			w.Min, w.Has = v, w.Has|deadline.HasMin
		case farmtally.StatMax:
			w.Max, w.Has = v, w.Has|deadline.HasMax
		case farmtally.StatAvg:
			w.Avg, w.Has = v, w.Has|deadline.HasAvg
		}
	}
	return w
}
