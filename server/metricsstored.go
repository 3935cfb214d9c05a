package server

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farmtally/farmtally"
)

// Figures are what the data folder has of a farm, and of no farm in particular.
type Figures struct {
	FarmID       farmtally.FarmID // "": what belongs to every farm
	Records      int64            // that count; a newer version of a record takes its place
	Unpriced     int64            // of them, how many no rate matched
	Segments     int64
	SegmentBytes int64
	Newest       farmtally.Instant // the latest start or end of a record; 0 without records
	CatalogBytes int64             // of the whole folder
	ResultBytes  int64             // of the whole folder
}

// storedFor is how long figures are told again before they are read anew.
const storedFor = 10 * time.Second

// stored tells what the data folder holds. It implements prometheus.Collector.
type stored struct {
	s                                               *Server
	records, unpriced, segments, bytes, newest, lag *prometheus.Desc

	mu      sync.Mutex
	at      time.Time
	figures []Figures
	names   map[farmtally.FarmID]string
}

func newStored(s *Server) *stored {
	farm := []string{"farm_id", "farm"}
	describe := func(name, help string, labels []string) *prometheus.Desc {
		return prometheus.NewDesc("farmtally_"+name, help, labels, nil)
	}
	return &stored{
		s:        s,
		records:  describe("records", "Usage records that count, by farm.", farm),
		unpriced: describe("unpriced_records", "Usage records that no rate matched, which cost 0, by farm.", farm),
		segments: describe("segments", "Segment files, by farm.", farm),
		bytes:    describe("storage_bytes", "Bytes on the disk: of a farm's segments, and of the whole folder's catalog and results.", append(farm, "kind")),
		newest:   describe("newest_record_timestamp_seconds", "Latest start or end of any record, by farm.", farm),
		lag:      describe("newest_record_lag_seconds", "Time since the latest start or end of any record, by farm.", farm),
	}
}

// Describe implements prometheus.Collector.
func (c *stored) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.records, c.unpriced, c.segments, c.bytes, c.newest, c.lag} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *stored) Collect(to chan<- prometheus.Metric) {
	figures, names := c.read()
	now := float64(c.s.now().UnixMilli()) / 1000
	for _, f := range figures {
		gauge := func(d *prometheus.Desc, v float64, more ...string) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{string(f.FarmID), names[f.FarmID]}, more...)...)
		}
		if f.FarmID == "" {
			gauge(c.bytes, float64(f.CatalogBytes), "catalog")
			gauge(c.bytes, float64(f.ResultBytes), "results")
			continue
		}
		gauge(c.records, float64(f.Records))
		gauge(c.unpriced, float64(f.Unpriced))
		gauge(c.segments, float64(f.Segments))
		gauge(c.bytes, float64(f.SegmentBytes), "segments")
		if f.Newest != 0 {
			seconds := float64(f.Newest) / 1000
			gauge(c.newest, seconds)
			gauge(c.lag, max(now-seconds, 0))
		}
	}
}

// read gives the figures, at most storedFor old, and the names of farms.
func (c *stored) read() ([]Figures, map[farmtally.FarmID]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.s.config.Figures == nil || !c.at.IsZero() && c.s.now().Sub(c.at) < storedFor {
		return c.figures, c.names
	}
	ctx, cancel := context.WithTimeout(c.s.ctx, storedFor)
	defer cancel()
	figures, err := c.s.config.Figures(ctx)
	farms, err2 := c.s.config.Catalog.Farms(ctx)
	if err = cmp.Or(err, err2); err != nil {
		c.s.log.Error("figures of the data folder not read", slog.Any("error", err))
		return c.figures, c.names
	}
	c.at, c.figures, c.names = c.s.now(), figures, map[farmtally.FarmID]string{}
	for _, f := range farms {
		c.names[f.ID] = cmp.Or(f.Name, string(f.ID))
	}
	return c.figures, c.names
}
