package server

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
	"github.com/farmtally/farmtally/ingest"
)

// The bounds of a push.
const (
	MaxPushRows     = 10_000   // lines of a batch
	MaxPushBytes    = 8 << 20  // of a batch as it is sent
	MaxPushUnpacked = 32 << 20 // of a batch when it is unpacked

	maxRowFaults = 10 // of one row that an answer names
)

// PushResult is the answer to a push: what became of its rows. A row is taken whole or
// rejected whole. Read is the sum of Records, Skipped and Rejected; Records is that of
// the Counts.
type PushResult struct {
	Read    int64 `json:"read"`
	Records int64 `json:"records"`
	farmtally.Counts
	Skipped  int64       `json:"skipped"` // blank lines
	Rejected int64       `json:"rejected"`
	Unpriced int64       `json:"unpriced"` // records that no rate matched
	Running  int64       `json:"running"`  // records without an end
	Faults   []PushFault `json:"faults"`   // of the rejected rows, at most ten of each
}

// PushFault is why a row was rejected.
type PushFault struct {
	Line   int64  `json:"line"` // from 1
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// pushPrefix begins the paths of pushes, and pushSuffix ends them.
const (
	pushPrefix = "/v1/"
	pushSuffix = "/usage"
)

// isPush reports whether a request may be as long as a push.
func isPush(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, pushPrefix) && strings.HasSuffix(r.URL.Path, pushSuffix)
}

// push answers PushUsage: it stores the good rows of a batch, durably, and says which
// are not.
func (s *Server) push(ctx context.Context, r *request) ([]byte, error) {
	r.checkFarm()
	source := r.pushSource()
	if err := r.bad.exception(); err != nil {
		return nil, err
	}
	if !r.key.MayPush(r.farm) {
		return nil, denied(r.farm)
	}
	if s.closing() {
		return nil, errClosing
	}
	text, err := unpacked(r)
	if err != nil {
		return nil, err
	}
	b := batch{farm: r.farm, pricer: ingest.NewPricer(s.config.Prices), PushResult: PushResult{Faults: []PushFault{}}}
	b.records = make([]farmtally.Record, 0, min(bytes.Count(text, []byte("\n"))+1, MaxPushRows))
	if err := source.ReadText(ctx, text, func(row *ingest.Row) error { return b.take(ctx, row) }); err != nil {
		return nil, fmt.Errorf("read batch: %w", err)
	}
	if err := s.store(ctx, &b); err != nil {
		return nil, err
	}
	return deadline.Marshal(&b.PushResult)
}

// pushSource reads the members that say how names become ids. They are all in the
// request, so that the same request always gives the same ids.
func (r *request) pushSource() ingest.NDJSON {
	source := ingest.NDJSON{Farm: string(r.farm), Plain: true}
	source.Kind, _ = r.param("kind")
	kind := source.Kind
	if kind == "" {
		kind = ingest.DefaultKind
	}
	if name, _ := r.param("farmName"); name != "" {
		if id := farmtally.HashID(farmtally.FarmPrefix, kind, name, name); id != string(r.farm) {
			r.bad.add("farmName", fmt.Sprintf("must be the name that the farm's id is made of; that of this name and the kind %q is %s", cut(kind), id))
		}
		source.Farm = name
	}
	return source
}

// batch collects the rows of a push.
type batch struct {
	PushResult
	farm    farmtally.FarmID
	pricer  *ingest.Pricer
	records []farmtally.Record
}

func (b *batch) take(ctx context.Context, row *ingest.Row) error {
	if b.Read++; b.Read > MaxPushRows {
		return malformed(deadline.Other, "The batch has more than %d lines. Send it in parts.", MaxPushRows)
	}
	if row.Skip != "" {
		b.Skipped++
		return nil
	}
	for i := range row.Records {
		if id := row.Records[i].FarmID; id != b.farm {
			row.Faults = append(row.Faults, farmtally.Field{Name: "farmId", Message: fmt.Sprintf("is of %s, and the batch is of %s; leave it out", id, b.farm)})
		}
	}
	if len(row.Faults) == 0 {
		if err := b.pricer.Price(ctx, row); err != nil {
			return err
		}
	}
	if len(row.Faults) > 0 {
		b.reject(row)
		return nil
	}
	b.records = append(b.records, row.Records...)
	return nil
}

func (b *batch) reject(row *ingest.Row) {
	b.Rejected++
	for i, f := range row.Faults {
		if i == maxRowFaults {
			return
		}
		b.Faults = append(b.Faults, PushFault{row.Line, f.Name, f.Message})
	}
}

// store makes the records of a batch durable and counts them.
func (s *Server) store(ctx context.Context, b *batch) error {
	if len(b.records) == 0 {
		return nil
	}
	outcomes, err := s.config.Backend.Append(ctx, b.records)
	if err != nil {
		return fmt.Errorf("append records: %w", err)
	}
	b.Records = int64(len(b.records))
	for i := range b.records {
		b.Add(outcomes[i])
		if b.records[i].Running {
			b.Running++
		}
		if b.records[i].Rate.ID == farmtally.Unpriced {
			b.Unpriced++
		}
	}
	return nil
}

// errTooMuch ends the reading of a body that becomes too long when it is unpacked.
var errTooMuch = malformed(deadline.Other, "The batch is longer than %d bytes when it is unpacked. Send it in parts.", MaxPushUnpacked)

// unpacked gives the text of a body.
func unpacked(r *request) ([]byte, error) {
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		return r.body, nil // MaxPushBytes is less than MaxPushUnpacked
	case "gzip":
		return unpackGzip(r.body)
	case "zstd":
		return unpackZstd(r.body)
	default:
		return nil, malformed(deadline.Other, "The Content-Encoding %q is not known here; gzip, zstd and identity are.", cut(encoding))
	}
}
