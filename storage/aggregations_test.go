package storage

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/farmtally/farmtally"
)

func aggregation(n int, farm farmtally.FarmID, asOf farmtally.Instant) farmtally.Aggregation {
	return farmtally.Aggregation{
		ID: fmt.Sprintf("%032x", n), CostScale: 7, Status: farmtally.InProgress,
		Query: farmtally.Query{
			FarmID: farm, QueueIDs: []farmtally.QueueID{"q"}, Start: 1, End: 2, Zone: -90, Period: farmtally.Daily,
			GroupBy: []farmtally.Dimension{farmtally.ByJob}, Statistics: []farmtally.Statistic{farmtally.StatAvg}, AsOf: asOf,
		},
	}
}

func ids(all []farmtally.Aggregation) (ids []string) {
	for i := range all {
		ids = append(ids, all[i].ID)
	}
	return ids
}

// The life of aggregations: the limit counts those of the farm that are in progress;
// an end makes room; those accepted before an instant expire.
func TestAggregations(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	c := open(t, dir)
	a, b, other := aggregation(1, farmA, 3000), aggregation(2, farmA, 2000), aggregation(3, farmB, 1000)
	try(t, c.BeginAggregation(ctx, a, 1))
	wantKind(t, c.BeginAggregation(ctx, b, 1), farmtally.Throttled)
	_, err := c.Aggregation(ctx, farmA, b.ID)
	wantKind(t, err, farmtally.NotFound)
	try(t, c.BeginAggregation(ctx, other, 1))
	try(t, c.BeginAggregation(ctx, b, 2))
	if all, err := c.Unfinished(ctx); err != nil || !slices.Equal(ids(all), []string{other.ID, b.ID, a.ID}) || !reflect.DeepEqual(all[2], a) {
		t.Errorf("unfinished %+v, error %v", all, err)
	}

	a.Status, a.Rows, a.Message = farmtally.Completed, 17, "done"
	try(t, c.FinishAggregation(ctx, a))
	if got, err := open(t, dir).Aggregation(ctx, farmA, a.ID); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("aggregation %+v, error %v", got, err)
	}
	_, err = c.Aggregation(ctx, farmB, a.ID)
	wantKind(t, err, farmtally.NotFound)
	next := aggregation(4, farmA, 4000)
	try(t, c.BeginAggregation(ctx, next, 2))

	expired, err := c.ExpireAggregations(ctx, 3000)
	slices.Sort(expired)
	if err != nil || !slices.Equal(expired, []string{b.ID, other.ID}) {
		t.Errorf("expired %v, error %v", expired, err)
	}
	if again, err := c.ExpireAggregations(ctx, 3000); err != nil || len(again) != 0 {
		t.Errorf("expired again %v, error %v", again, err)
	}
	if all, err := c.Unfinished(ctx); err != nil || !slices.Equal(ids(all), []string{next.ID}) {
		t.Errorf("unfinished %v, error %v", ids(all), err)
	}
	_, err = c.Aggregation(ctx, farmA, a.ID)
	try(t, err)
}

// One that ends after it has expired stays gone.
func TestExpiredAggregationStaysGone(t *testing.T) {
	ctx := context.Background()
	c := open(t, t.TempDir())
	a := aggregation(1, farmA, 1000)
	try(t, c.BeginAggregation(ctx, a, 1))
	_, err := c.ExpireAggregations(ctx, 2000)
	try(t, err)
	a.Status = farmtally.Completed
	wantKind(t, c.FinishAggregation(ctx, a), farmtally.NotFound)
	_, err = c.Aggregation(ctx, farmA, a.ID)
	wantKind(t, err, farmtally.NotFound)
}

func TestDamagedAggregation(t *testing.T) {
	ctx := context.Background()
	c := open(t, t.TempDir())
	a := aggregation(1, farmA, 1000)
	try(t, c.BeginAggregation(ctx, a, 1))
	_, err := c.writer.ExecContext(ctx, "UPDATE aggregations SET aggregation = CAST('{' AS BLOB)")
	try(t, err)
	_, err = c.Aggregation(ctx, farmA, a.ID)
	wantKind(t, err, farmtally.Corrupt)
	_, err = c.Unfinished(ctx)
	wantKind(t, err, farmtally.Corrupt)
	_, err = c.writer.ExecContext(ctx, "INSERT INTO hot VALUES (1, 1, ?, x'52')", farmA)
	try(t, err)
	_, err = c.View(ctx, farmA)
	wantKind(t, err, farmtally.Corrupt)
}
