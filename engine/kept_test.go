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
	name      string
	hot       bool // whether they were pushed, and not imported
	meanwhile func(t *testing.T, e *engine.Engine, changed []farmtally.Record)
}

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
	all := func(do ...func(*testing.T, *engine.Engine, []farmtally.Record)) func(*testing.T, *engine.Engine, []farmtally.Record) {
		return func(t *testing.T, e *engine.Engine, changed []farmtally.Record) {
			for _, do := range do {
				do(t, e, changed)
			}
		}
	}
	bring := func(t *testing.T, e *engine.Engine, changed []farmtally.Record) {
		imported(t, e, changed, len(changed))
	}
	return []keptCase{
		{"pushed", false, replace}, {"pushed and sealed", false, all(replace, seal)}, {"imported", false, bring},
		{"compacted", false, compact}, {"compacted and pushed", false, all(compact, replace)},
		{"compacted, pushed and sealed", false, all(compact, replace, seal)},
		{"hot, pushed", true, replace}, {"hot, sealed", true, seal}, {"hot, sealed and pushed", true, all(seal, replace)},
		{"hot, pushed and sealed", true, all(replace, seal)}, {"hot, imported", true, bring},
	}
}

// What an import brings counts in the end, also where it found the same and others have
// replaced or moved it since: before the import prepares its transaction, or, little or much,
// between that and the transaction.
func TestImportBringsBack(t *testing.T) {
	const records, changes = 48, 20
	for _, c := range keptCases() {
		for _, when := range []string{"before", "little between", "much between"} {
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
				meanwhile := func() { c.meanwhile(t, other, changed) }
				switch when {
				case "before":
					try(t, importer.Flush(load))
					meanwhile()
				case "little between":
					importer.WhenPrepared(1000, meanwhile)
				default:
					importer.WhenPrepared(0, meanwhile)
				}
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
