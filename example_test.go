package farmtally_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/rates"
	"github.com/farmtally/farmtally/storage"
)

// The library without a server: a record is priced and stored, and a question is asked.
// Render machines cost 1.20 dollars an hour here, and the record crosses a midnight.
func Example() {
	dir, err := os.MkdirTemp("", "farmtally-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	rows, err := costByDay(context.Background(), dir)
	if err != nil {
		log.Print(err)
	}
	for _, row := range rows {
		fmt.Println(row.Start, row.Group[0], row.Cost.Sum.Dollars(), "USD", row.Runtime.Sum.Seconds(), "s")
	}
	// Output:
	// 2026-01-30T23:30:00Z amira 0.6 USD 1800 s
	// 2026-01-31T00:00:00Z amira 1.8 USD 5400 s
}

func costByDay(ctx context.Context, dir string) (rows []farmtally.Row, err error) {
	card, err := rates.Parse("card.toml", []byte(`
		[[rate]]
		id = "machines"
		usageType = "COMPUTE"
		usdPerHour = "1.20"`))
	if err != nil {
		return nil, err
	}
	catalog, err := storage.Open(ctx, storage.Config{Dir: dir})
	if err != nil {
		return nil, err
	}
	defer catalog.Close() //nolint:errcheck // every record was acknowledged
	var backend farmtally.Backend = engine.Open(engine.Config{Catalog: catalog})
	defer backend.Close() //nolint:errcheck // likewise

	farm := farmtally.FarmID(farmtally.HashID(farmtally.FarmPrefix, "example", "studio", "studio"))
	queue := farmtally.QueueID(farmtally.HashID(farmtally.QueuePrefix, "example", "studio", "render"))
	start := farmtally.InstantOf(time.Date(2026, 1, 30, 23, 30, 0, 0, time.UTC))
	record := farmtally.Record{
		RecordID: "session-1", FarmID: farm, QueueID: queue, UserID: "amira", UsageType: farmtally.Compute,
		StartedAt: start, EndedAt: start + 2*3_600_000, Workers: farmtally.One,
	}
	card.Price(&record, "")
	if faults := record.Validate(); len(faults) > 0 {
		return nil, fmt.Errorf("record: %v", faults)
	}
	if err := record.Accept(); err != nil {
		return nil, err
	}
	if _, err := backend.Append(ctx, []farmtally.Record{record}); err != nil {
		return nil, err
	}

	snapshot, err := backend.Snapshot(ctx, farm)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close() //nolint:errcheck // it was only read
	query := farmtally.Query{
		FarmID: farm, QueueIDs: []farmtally.QueueID{queue}, Start: start, End: start + 7*24*3_600_000, AsOf: record.EndedAt,
		Period: farmtally.Daily, GroupBy: []farmtally.Dimension{farmtally.ByUser}, Statistics: []farmtally.Statistic{farmtally.StatSum},
	}
	_, err = snapshot.Aggregate(ctx, &query, farmtally.Limits{}, nil, func(row *farmtally.Row) error {
		rows = append(rows, *row)
		return nil
	})
	return rows, err
}

// A record's cost and runtime are spread evenly over its time, and each bucket gets its
// slice. Slices are rounded so that they add up to the whole.
func ExampleUse_Slice() {
	use := farmtally.Use{Start: 0, End: 3000, Cost: 10, RuntimeMillis: 3000}
	for _, at := range []farmtally.Instant{0, 1000, 2000} {
		cost, runtime := use.Slice(at, at+1000)
		fmt.Println(cost, farmtally.FormatRuntime(runtime))
	}
	// Output:
	// 0.000000003 1
	// 0.000000003 1
	// 0.000000004 1
}

// Days of Berlin's winter begin an hour before those of UTC.
func ExampleBucketOf() {
	zone, err := farmtally.ParseTimezone("UTC+01:00")
	if err != nil {
		log.Fatal(err)
	}
	at, err := farmtally.ParseInstant("2026-01-31T23:30:00Z")
	if err != nil {
		log.Fatal(err)
	}
	day := farmtally.BucketOf(farmtally.Daily, zone, at)
	fmt.Println(farmtally.BucketStart(farmtally.Daily, zone, day), farmtally.BucketStart(farmtally.Daily, zone, day+1))
	// Output:
	// 2026-01-31T23:00:00Z 2026-02-01T23:00:00Z
}
