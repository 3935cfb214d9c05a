package engine_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
)

// keptCase is what happens to records that an import brings unchanged, before it is committed.
type keptCase struct {
	name  string
	hot   bool // whether they were pushed, and not imported
	steps []step
}

// step is something that another process does.
type step = func(t *testing.T, e *engine.Engine, changed []farmtally.Record)

func keptCases() []keptCase {
	ctx := context.Background()
	replace := func(t *testing.T, e *engine.Engine, changed []farmtally.Record) {
		_, err := e.Append(ctx, changed)
		try(t, err)
	}
	seal := func(t *testing.T, e *engine.Engine, changed []farmtally.Record) {
		_, err := e.Seal(ctx, changed[0].FarmID)
		try(t, err)
	}
	compact := func(t *testing.T, e *engine.Engine, changed []farmtally.Record) {
		_, err := e.Compact(ctx, changed[0].FarmID, nil)
		try(t, err)
	}
	bring := func(t *testing.T, e *engine.Engine, changed []farmtally.Record) {
		imported(t, e, changed, len(changed))
	}
	return []keptCase{
		{"pushed", false, []step{replace}}, {"pushed and sealed", false, []step{replace, seal}}, {"imported", false, []step{bring}},
		{"compacted", false, []step{compact}}, {"compacted and pushed", false, []step{compact, replace}},
		{"compacted, pushed and sealed", false, []step{compact, replace, seal}},
		{"hot, pushed", true, []step{replace}}, {"hot, sealed", true, []step{seal}}, {"hot, sealed and pushed", true, []step{seal, replace}},
		{"hot, pushed and sealed", true, []step{replace, seal}}, {"hot, imported", true, []step{bring}},
	}
}

// What an import brings counts in the end, also where it found the same and others have
// replaced or moved it since: before the import prepares its transaction, or, little or much,
// between that and the transaction; or the first of it before, and the rest between.
func TestImportBringsBack(t *testing.T) {
	const records, changes = 48, 20
	for _, c := range keptCases() {
		for _, when := range []string{"before", "little between", "much between", "in turn"} {
			t.Run(c.name+" "+when, func(t *testing.T) {
				ctx, dir := context.Background(), t.TempDir()
				importer, other := open(t, dir), open(t, dir)
				all := plainRecords(records)
				if c.hot {
					_, err := other.Append(ctx, all)
					try(t, err)
				} else {
					imported(t, other, all, records/4)
				}
				changed := append([]farmtally.Record(nil), all[:changes]...)
				for i := range changed {
					changed[i].Cost = 1
				}
				load, err := importer.Import(ctx)
				try(t, err)
				for i := range all {
					try(t, load.Add(ctx, &all[i]))
				}
				try(t, importer.Flush(load))
				before := map[string]int{"before": len(c.steps), "in turn": 1}[when]
				for _, do := range c.steps[:before] {
					do(t, other, changed)
				}
				most := map[string]int64{"little between": 1000, "in turn": 1000}[when]
				importer.WhenPrepared(most, func() {
					for _, do := range c.steps[before:] {
						do(t, other, changed)
					}
				})
				counts, err := load.Commit(ctx)
				try(t, err)
				if counts.Unchanged != records {
					t.Errorf("%+v", counts)
				}
				costs := map[string]int{}
				s, err := other.Snapshot(ctx, all[0].FarmID)
				try(t, err)
				try(t, s.Records(ctx, func(r *farmtally.Record) error { costs[fmt.Sprint(r.Cost)]++; return nil }))
				try(t, s.Close())
				if costs["0"] != records || len(costs) != 1 {
					t.Errorf("records by cost: %v", costs)
				}
			})
		}
	}
}
