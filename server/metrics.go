package server

import (
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// metricsPath is answered to Prometheus.
const metricsPath = "/metrics"

// metrics are what a server tells Prometheus of itself. They are safe for concurrent use.
type metrics struct {
	requests           *prometheus.CounterVec
	requestSeconds     *prometheus.HistogramVec
	aggregations       *prometheus.CounterVec
	aggregationSeconds *prometheus.HistogramVec
	handler            http.Handler
}

// statusCancelled is the status of what those who asked have cancelled: it is no failure
// of the server.
const statusCancelled = "CANCELLED"

// Who asked for an aggregation.
const (
	askedByAPI      = "api"
	askedByExplorer = "explorer"
)

// newMetrics makes the metrics of a server, which must be complete but for them.
func newMetrics(s *Server) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farmtally_http_requests_total", Help: "Requests answered, by operation and HTTP status code.",
		}, []string{"operation", "code"}),
		requestSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "farmtally_http_request_duration_seconds", Help: "Time from a request's arrival to the end of its answer, by operation.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"operation"}),
		aggregations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farmtally_aggregations_total", Help: "Aggregations that ran and ended, by status and by who asked.",
		}, []string{"status", "asked_by"}),
		aggregationSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "farmtally_aggregation_duration_seconds", Help: "Time that aggregations ran, by status and by who asked.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 600},
		}, []string{"status", "asked_by"}),
	}
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "farmtally_build_info", Help: "Always 1; its labels are the version of farmtally and of Go.",
		ConstLabels: prometheus.Labels{"version": s.config.Version, "goversion": runtime.Version()},
	})
	build.Set(1)
	registry.MustRegister(m.requests, m.requestSeconds, m.aggregations, m.aggregationSeconds, build,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "farmtally_aggregations_running", Help: "Aggregations that run or wait to run.",
		}, func() float64 { return float64(s.runningNow()) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newStored(s), newMonth(s))
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: errorLog{s.log}, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4,
	})
	return m
}

// errorLog puts the complaints of the Prometheus client into the server's log.
type errorLog struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (l errorLog) Println(v ...any) {
	for _, x := range v {
		if err, ok := x.(error); ok {
			l.log.Error("metrics not gathered", slog.Any("error", err))
		}
	}
}

// request counts an answer.
func (m *metrics) request(operation string, status int, took time.Duration) {
	if operation == "" {
		operation = "unknown" // also where the signature was refused before the path was read
	}
	m.requests.WithLabelValues(operation, strconv.Itoa(status)).Inc()
	m.requestSeconds.WithLabelValues(operation).Observe(took.Seconds())
}

// aggregation counts an aggregation that ran and has ended.
func (m *metrics) aggregation(status, askedBy string, took time.Duration) {
	m.aggregations.WithLabelValues(status, askedBy).Inc()
	m.aggregationSeconds.WithLabelValues(status, askedBy).Observe(took.Seconds())
}

func (s *Server) runningNow() int {
	s.mu.Lock()
	n := len(s.runs)
	s.mu.Unlock()
	return n + s.explorer.underWay()
}

// serveMetrics answers Prometheus.
func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request, e *entry) error {
	if err := s.mayScrape(w, r, e); err != nil {
		return err
	}
	e.begun = true
	s.metrics.handler.ServeHTTP(w, r)
	return nil
}

// mayScrape checks that a request may read the metrics, which tell what every farm
// costs: it has the token for it, or a key that reads every farm. Prometheus can't sign,
// so it needs the token.
func (s *Server) mayScrape(w http.ResponseWriter, r *http.Request, e *entry) error {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		want := s.config.MetricsToken
		if want == "" || subtle.ConstantTimeCompare([]byte(token), []byte(want)) != 1 {
			return unsigned(deadline.AccessDenied, "The bearer token is not that of the metrics.")
		}
		return nil
	}
	if err := s.hostIsHere(r); err != nil {
		return err
	}
	request, err := s.authenticate(w, r, e)
	if err != nil {
		if x, ok := errors.AsType[*deadline.Exception](err); ok && x.Type == deadline.MissingAuthenticationToken {
			return unsigned(deadline.MissingAuthenticationToken,
				"The metrics are for those with their bearer token, which 'farmtally serve --metrics-token-file' sets, or with a key that reads every farm.")
		}
		return err
	}
	if !request.key.MayRead(farmtally.EveryFarm) {
		return unsigned(deadline.AccessDenied, "The access key may not read the metrics: they are of every farm.")
	}
	return nil
}
