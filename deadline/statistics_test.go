package deadline

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

var hour = time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)

// fullRow has every member, and each its own value.
func fullRow() Statistics {
	return Statistics{
		QueueID: "q", FleetID: "f", JobID: "j", JobName: "n", UserID: "u", UsageType: "COMPUTE", LicenseProduct: "l", InstanceType: "i",
		Count:                9_007_199_254_740_993,
		CostInUsd:            Stats{Has: HasMin | HasMax | HasAvg | HasSum, Min: 1, Max: 2, Avg: 3, Sum: 4},
		RuntimeInSeconds:     Stats{Has: HasAvg, Min: 5, Max: 6, Avg: 7.5, Sum: 8},
		AggregationStartTime: hour, AggregationEndTime: hour.Add(time.Hour),
	}
}

// oneRow is the row as a page has it.
func oneRow(row Statistics) string {
	p := NewPage(nil)
	p.Add(&row)
	text, _ := strings.CutPrefix(string(p.Finish("", "", "")), `{"statistics":[`)
	text, _, _ = strings.Cut(text, `],"status"`)
	return text
}

func TestRow(t *testing.T) {
	if have := oneRow(fullRow()); have != `{"queueId":"q","fleetId":"f","jobId":"j","jobName":"n","userId":"u","usageType":"COMPUTE",`+
		`"licenseProduct":"l","instanceType":"i","count":9007199254740993,"costInUsd":{"min":1,"max":2,"avg":3,"sum":4},`+
		`"runtimeInSeconds":{"avg":7.5},"aggregationStartTime":"2026-01-31T08:00:00Z","aggregationEndTime":"2026-01-31T09:00:00Z"}` {
		t.Error(have)
	}
	if have := oneRow(Statistics{AggregationStartTime: hour, AggregationEndTime: hour}); have != `{"count":0,"costInUsd":{},"runtimeInSeconds":{},`+
		`"aggregationStartTime":"2026-01-31T08:00:00Z","aggregationEndTime":"2026-01-31T08:00:00Z"}` {
		t.Error(have)
	}
}

// TestStatsSubsets: exactly the members that are set are there, whichever they are.
func TestStatsSubsets(t *testing.T) {
	for set := StatSet(0); set < 16; set++ {
		s := Stats{Has: set, Min: 1, Max: 2, Avg: 3, Sum: 4}
		want := map[string]float64{}
		for name, m := range map[string]StatSet{"min": HasMin, "max": HasMax, "avg": HasAvg, "sum": HasSum} {
			if set&m != 0 {
				want[name] = map[StatSet]float64{HasMin: 1, HasMax: 2, HasAvg: 3, HasSum: 4}[m]
			}
		}
		have := map[string]float64{}
		if err := json.Unmarshal(s.append(nil), &have); err != nil || !reflect.DeepEqual(have, want) {
			t.Errorf("%b: got %s, %v", set, s.append(nil), err)
		}
	}
}

func TestPage(t *testing.T) {
	row := Statistics{AggregationStartTime: hour, AggregationEndTime: hour}
	text := oneRow(row)
	for rows, want := range []string{
		`{"statistics":[],"status":"COMPLETED","statusMessage":"m","nextToken":"t"}`,
		`{"statistics":[` + text + `],"status":"COMPLETED","statusMessage":"m","nextToken":"t"}`,
		`{"statistics":[` + text + `,` + text + `],"status":"COMPLETED","statusMessage":"m","nextToken":"t"}`,
	} {
		p := NewPage([]byte("left over"))
		for range rows {
			p.Add(&row)
		}
		if have := string(p.Finish("COMPLETED", "m", "t")); have != want {
			t.Errorf("got %s", have)
		}
	}
	if have := string(NewPage(nil).Finish("FAILED", "", "")); have != `{"statistics":[],"status":"FAILED"}` {
		t.Errorf("got %s", have)
	}
}

// TestPageAllocates: a page in a buffer that is large enough allocates the Page
// alone, however many rows it has.
func TestPageAllocates(t *testing.T) {
	row, buffer := fullRow(), make([]byte, 0, 1<<16)
	if n := testing.AllocsPerRun(100, func() {
		p := NewPage(buffer)
		for range 100 {
			p.Add(&row)
		}
		p.Finish("COMPLETED", "", "")
	}); n > 1 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkPage(b *testing.B) {
	row, buffer := fullRow(), make([]byte, 0, 1<<16)
	b.ReportAllocs()
	for b.Loop() {
		p := NewPage(buffer)
		for range 100 {
			p.Add(&row)
		}
		b.SetBytes(int64(len(p.Finish("COMPLETED", "", ""))))
	}
}
