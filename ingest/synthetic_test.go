package ingest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
)

func TestSyntheticIsWhatItSays(t *testing.T) {
	const n = 1_000_000
	var (
		last                  farmtally.Instant
		queues, fleets, users = map[farmtally.QueueID]bool{}, map[farmtally.FleetID]bool{}, map[string]bool{}
		types, products       = map[string]bool{}, map[string]bool{}
		lengths               []int64
		licensed, seen        int
		queueOf                     = map[farmtally.JobID]farmtally.QueueID{}
		userOf                      = map[farmtally.JobID]string{}
		yearStart, _                = farmtally.ParseInstant("2025-01-01T00:00:00Z")
		yearEnd, _                  = farmtally.ParseInstant("2026-01-01T00:00:00Z")
		ids                         = map[string]bool{}
		longest               int64 = 5 * 24 * 3_600_000
		withGPU, idleSession        = 0, 0
	)
	for r := range (ingest.Synthetic{Records: n, Seed: 1}).Each() {
		if fields := r.Validate(); len(fields) != 0 {
			t.Fatalf("record %d is invalid: %v", seen, fields)
		}
		if r.StartedAt < last || r.StartedAt < yearStart || r.StartedAt >= yearEnd {
			t.Fatalf("record %d starts at %s, after %s", seen, r.StartedAt, last)
		}
		last = r.StartedAt
		seen++
		ids[r.RecordID] = true
		queues[r.QueueID], fleets[r.FleetID], users[r.UserID], types[r.InstanceType] = true, true, true, true
		if q, ok := queueOf[r.JobID]; ok && (q != r.QueueID || userOf[r.JobID] != r.UserID) {
			t.Fatalf("job %s changed its queue or its user", r.JobID)
		}
		queueOf[r.JobID], userOf[r.JobID] = r.QueueID, r.UserID
		lengths = append(lengths, int64(r.EndedAt-r.StartedAt))
		if r.UsageType == farmtally.License {
			licensed++
			products[r.LicenseProduct] = true
		}
		if r.GPUs > 0 {
			withGPU++
		}
		if r.RuntimeMillis < int64(r.EndedAt-r.StartedAt) {
			idleSession++
		}
		if !r.HasCost || r.Cost == 0 && r.RuntimeMillis > 1000 {
			t.Fatalf("record %d has no cost", seen)
		}
	}
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"records", seen, n}, {"record ids", len(ids), n}, {"queues", len(queues), 40}, {"fleets", len(fleets), 12},
		{"users", len(users), 300}, {"instance types", len(types), 30}, {"products", len(products), 8},
	} {
		if c.got != c.want {
			t.Errorf("%d %s, want %d", c.got, c.what, c.want)
		}
	}
	if share := float64(licensed) / n; share < 0.145 || share > 0.155 {
		t.Errorf("%.3f of the records are licensed, want 0.15", share)
	}
	if perJob := n / len(queueOf); perJob < 180 || perJob > 220 {
		t.Errorf("%d records a job, want about 200", perJob)
	}
	slices.Sort(lengths)
	if median := lengths[n/2]; median < 15*60_000 || median > 17*60_000 {
		t.Errorf("median length %d ms, want about 16 minutes", median)
	}
	if most := lengths[n-1]; most > longest || most < longest/4 {
		t.Errorf("longest is %d ms, want up to 5 days", most)
	}
	if withGPU == 0 || idleSession == 0 {
		t.Errorf("%d records with GPUs and %d with idle time, want some of each", withGPU, idleSession)
	}
}

func TestSyntheticIsTheSameForEver(t *testing.T) {
	digest := func(seed uint64) string {
		h := sha256.New()
		for r := range (ingest.Synthetic{Records: 10_000, Seed: seed}).Each() {
			_, _ = fmt.Fprintln(h, r.RecordID, r.QueueID, r.FleetID, r.JobID, r.UserID, r.UsageType,
				r.InstanceType, r.LicenseProduct, r.StartedAt, r.EndedAt, r.RuntimeMillis, r.Cost)
		}
		return hex.EncodeToString(h.Sum(nil)[:8])
	}
	const want = "271e03990959b82f"
	if got := digest(1); got != want {
		t.Errorf("seed 1 gives %s, want %s: figures measured on it can't be compared any more", got, want)
	}
	if digest(1) == digest(2) {
		t.Error("seeds 1 and 2 give the same records")
	}
}

func TestSyntheticStopsWhenAsked(t *testing.T) {
	n := 0
	for range (ingest.Synthetic{Records: 1 << 40, Seed: 1}).Each() {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("went on to %d", n)
	}
}

func BenchmarkSynthetic(b *testing.B) {
	b.ReportAllocs()
	for range (ingest.Synthetic{Records: int64(b.N), Seed: 1}).Each() {
	}
}
