package farmtally_test

import (
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
)

// testEnum proves the names of an enum: those that AWS's model gives, in order.
func testEnum[E ~int](t *testing.T, parse func(string) (E, error), first E, text func(E) string, names ...string) {
	t.Helper()
	for i, name := range names {
		v := first + E(i)
		if got, err := parse(name); got != v || err != nil {
			t.Errorf("%q reads %d, %v; want %d", name, got, err, v)
		}
		if got := text(v); got != name {
			t.Errorf("%d prints %q, want %q", v, got, name)
		}
	}
	wrong := []string{"", " ", names[0] + " ", "x", names[0][1:], names[0] + names[0]}
	if names[0] != "worker" { // units are written by people, in any case
		wrong = append(wrong, strings.ToLower(names[0]))
	}
	for _, name := range wrong {
		v, err := parse(name)
		if want := "must be one of " + strings.Join(names, ", "); v != 0 || message(err) != want {
			t.Errorf("%q reads %d, %v; want %q", name, v, err, want)
		}
	}
	for _, v := range []E{0, -1, first + E(len(names))} {
		if got := text(v); !strings.HasPrefix(got, "farmtally.") {
			t.Errorf("%d, which is no value, prints %q", int(v), got)
		}
	}
}

func TestEnumNames(t *testing.T) {
	testEnum(t, farmtally.ParseUsageType, farmtally.Compute, farmtally.UsageType.String, "COMPUTE", "LICENSE", "PERSISTENT_VOLUME")
	testEnum(t, farmtally.ParsePeriod, farmtally.Hourly, farmtally.Period.String, "HOURLY", "DAILY", "WEEKLY", "MONTHLY")
	testEnum(t, farmtally.ParseDimension, farmtally.ByQueue, farmtally.Dimension.String, "QUEUE_ID", "FLEET_ID", "JOB_ID", "USER_ID",
		"USAGE_TYPE", "INSTANCE_TYPE", "LICENSE_PRODUCT")
	testEnum(t, farmtally.ParseStatistic, farmtally.StatSum, farmtally.Statistic.String, "SUM", "MIN", "MAX", "AVG")
	testEnum(t, farmtally.ParseUnit, farmtally.PerWorker, farmtally.Unit.String, "worker", "cpu", "gpu", "GiB", "seat")
}

// What AWS's clients read, and nobody writes.
func TestStatusNames(t *testing.T) {
	for status, want := range map[farmtally.Status]string{
		farmtally.InProgress: "IN_PROGRESS", farmtally.Completed: "COMPLETED", farmtally.Failed: "FAILED", farmtally.TimedOut: "TIMEOUT",
	} {
		if got := status.String(); got != want {
			t.Errorf("%d prints %q, want %q", int(status), got, want)
		}
	}
}

func TestWholeRangeHasNoName(t *testing.T) {
	if got := farmtally.WholeRange.String(); got != "" {
		t.Errorf("%q", got)
	}
}

func TestCounts(t *testing.T) {
	var c farmtally.Counts
	for _, o := range []farmtally.Outcome{farmtally.New, farmtally.New, farmtally.New, farmtally.Replaced, farmtally.Replaced, farmtally.Unchanged, 0} {
		c.Add(o)
	}
	if c != (farmtally.Counts{New: 3, Replaced: 2, Unchanged: 1}) {
		t.Errorf("%+v", c)
	}
}
