package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farmtally/farmtally"
)

// The bounds of the month's costs: how many queues of a farm are told apart, how often
// they are asked for, how much of the time that may take, and how long a scrape waits.
const (
	monthQueues = 20
	monthEvery  = time.Minute
	monthShare  = 20 // a twentieth
	monthLimit  = time.Minute
	monthWait   = 2 * time.Second
)

// month tells what the current month, in UTC, has cost, by queue. It asks the backend in
// the background, at most every monthEvery and only while someone scrapes; that takes no
// place of an aggregation. It implements prometheus.Collector.
type month struct {
	s    *Server
	cost *prometheus.Desc

	mu    sync.Mutex
	next  time.Time     // when to ask again
	ready chan struct{} // closed when the question that is under way has ended; nil for none
	costs []queueCost
}

// queueCost is what a queue has cost.
type queueCost struct {
	farmID, farm, queueID, queue string
	usd                          float64
}

func newMonth(s *Server) *month {
	return &month{s: s, cost: prometheus.NewDesc("farmtally_current_month_cost_usd",
		fmt.Sprintf("Cost of the current month in UTC, in US dollars, by queue: the dearest %d of a farm, and all others as one.", monthQueues),
		[]string{"farm_id", "farm", "queue_id", "queue"}, nil)}
}

// Describe implements prometheus.Collector.
func (m *month) Describe(to chan<- *prometheus.Desc) { to <- m.cost }

// Collect implements prometheus.Collector. It waits a moment for figures that are being
// asked for, and tells those of before if that is not enough.
func (m *month) Collect(to chan<- prometheus.Metric) {
	if ready := m.refresh(); ready != nil {
		select {
		case <-ready:
		case <-time.After(monthWait):
		case <-m.s.ctx.Done():
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.costs {
		to <- prometheus.MustNewConstMetric(m.cost, prometheus.GaugeValue, c.usd, c.farmID, c.farm, c.queueID, c.queue)
	}
}

// refresh asks anew where it is time to, and gives what is closed when that has ended.
func (m *month) refresh() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ready != nil || m.s.now().Before(m.next) {
		return m.ready
	}
	ready := make(chan struct{})
	if m.s.goWork(func() { m.ask(ready) }) {
		m.ready = ready
	}
	return m.ready
}

func (m *month) ask(ready chan struct{}) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(m.s.ctx, monthLimit)
	defer cancel()
	costs, err := m.s.monthCosts(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.costs = costs
	} else if m.s.ctx.Err() == nil {
		m.s.log.Error("the month's costs not read", slog.Any("error", err))
	}
	m.next = m.s.now().Add(max(monthEvery, monthShare*time.Since(started)))
	m.ready = nil
	close(ready)
}

// monthCosts asks what each queue of each farm has cost in this month.
func (s *Server) monthCosts(ctx context.Context) ([]queueCost, error) {
	farms, err := s.config.Catalog.Farms(ctx)
	if err != nil {
		return nil, wrapList("farms", err)
	}
	slices.SortFunc(farms, func(a, b farmtally.Farm) int { return cmp.Compare(a.ID, b.ID) })
	var all []queueCost
	for i := range farms {
		costs, err := s.monthCostsOf(ctx, &farms[i])
		if err != nil {
			return nil, fmt.Errorf("ask farm %s: %w", farms[i].ID, err)
		}
		all = append(all, costs...)
	}
	return all, nil
}

func (s *Server) monthCostsOf(ctx context.Context, farm *farmtally.Farm) (_ []queueCost, err error) {
	queues, fleets, err := s.resources(ctx, farm.ID)
	if err != nil {
		return nil, err
	}
	snapshot, err := s.config.Backend.Snapshot(ctx, farm.ID)
	if err != nil {
		return nil, fmt.Errorf("snapshot records: %w", err)
	}
	defer func() { err = errors.Join(err, closeSnapshot(snapshot)) }()
	sums := map[string]farmtally.Sum{}
	for _, q := range s.monthQueries(farm.ID, queues, fleets) {
		_, err := snapshot.Aggregate(ctx, &q, farmtally.Limits{}, nil, func(row *farmtally.Row) error {
			// By fleets, for records without a queue, which no queue selects.
			if queue := row.Group[0]; queue == "" || len(q.FleetIDs) == 0 {
				sum := sums[queue]
				sum.AddSum(row.Cost.Sum)
				sums[queue] = sum
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("aggregate: %w", err)
		}
	}
	return dearest(farm, queues, sums), nil
}

// monthQueries are the questions about a farm, each over as many queues or fleets as a
// question may be.
func (s *Server) monthQueries(farm farmtally.FarmID, queues []farmtally.Queue, fleets []farmtally.Fleet) (all []farmtally.Query) {
	now := s.now().UTC()
	start := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	q := farmtally.Query{
		FarmID: farm, Start: farmtally.InstantOf(start), End: farmtally.InstantOf(start.AddDate(0, 1, 0)), AsOf: farmtally.InstantOf(now),
		Period: farmtally.WholeRange, GroupBy: []farmtally.Dimension{farmtally.ByQueue}, Statistics: []farmtally.Statistic{farmtally.StatSum},
	}
	for some := range slices.Chunk(queues, farmtally.MaxResources) {
		one := q
		for _, x := range some {
			one.QueueIDs = append(one.QueueIDs, x.ID)
		}
		all = append(all, one)
	}
	for some := range slices.Chunk(fleets, farmtally.MaxResources) {
		one := q
		for _, x := range some {
			one.FleetIDs = append(one.FleetIDs, x.ID)
		}
		all = append(all, one)
	}
	return all
}

// dearest tells the dearest queues apart, and adds the others up.
func dearest(farm *farmtally.Farm, queues []farmtally.Queue, sums map[string]farmtally.Sum) []queueCost {
	cost := func(id, name string, sum farmtally.Sum) queueCost {
		usd := (farmtally.Stat{Sum: sum}).Value(farmtally.StatSum, 1, farmtally.NanosPerDollar, farm.CostScale)
		return queueCost{string(farm.ID), cmp.Or(farm.Name, string(farm.ID)), id, name, usd}
	}
	slices.SortFunc(queues, func(a, b farmtally.Queue) int {
		return cmp.Or(sums[string(b.ID)].Cmp(sums[string(a.ID)]), cmp.Compare(a.ID, b.ID))
	})
	var costs []queueCost
	var others farmtally.Sum
	for i, q := range queues {
		if i < monthQueues {
			costs = append(costs, cost(string(q.ID), cmp.Or(q.Name, string(q.ID)), sums[string(q.ID)]))
		} else {
			others.AddSum(sums[string(q.ID)])
		}
	}
	if len(queues) > monthQueues {
		costs = append(costs, cost("other", "other", others))
	}
	if sum, ok := sums[""]; ok {
		costs = append(costs, cost("", "none", sum))
	}
	return costs
}
