package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"

	"github.com/farmtally/farmtally"
)

// Farms gives every farm, by name and id.
func (c *Catalog) Farms(ctx context.Context) ([]farmtally.Farm, error) {
	var farms []farmtally.Farm
	err := query(ctx, c.reader, func(rows *sql.Rows) error {
		var f farmtally.Farm
		err := rows.Scan(&f.ID, &f.Name, &f.CostScale, &f.CreatedAt)
		farms = append(farms, f)
		return err
	}, "SELECT farm_id, name, cost_scale, created_at FROM farms ORDER BY name, farm_id")
	return farms, err
}

// Farm gives one farm. It fails with NotFound.
func (c *Catalog) Farm(ctx context.Context, id farmtally.FarmID) (farmtally.Farm, error) {
	f := farmtally.Farm{ID: id}
	err := c.reader.QueryRowContext(ctx, "SELECT name, cost_scale, created_at FROM farms WHERE farm_id = ?", id).
		Scan(&f.Name, &f.CostScale, &f.CreatedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return f, notFound("farm", string(id))
	}
	if err != nil {
		return f, fmt.Errorf("read farm: %w", explain(ctx, err))
	}
	return f, nil
}

func notFound(kind, id string) error {
	return &farmtally.Error{
		Kind: farmtally.NotFound, Message: fmt.Sprintf("there is no %s %s", kind, id),
		Resource: farmtally.Resource{Type: kind, ID: id},
	}
}

// SetCostScale sets a farm's costScaleFactor. It fails with NotFound.
func (c *Catalog) SetCostScale(ctx context.Context, id farmtally.FarmID, scale farmtally.CostScale) error {
	return c.update(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE farms SET cost_scale = ? WHERE farm_id = ?", scale, id)
		if err != nil {
			return fmt.Errorf("set cost scale: %w", explain(ctx, err))
		}
		if n, _ := result.RowsAffected(); n == 0 {
			return notFound("farm", string(id))
		}
		return nil
	})
}

// Queues gives a farm's queues, by name and id.
func (c *Catalog) Queues(ctx context.Context, farm farmtally.FarmID) ([]farmtally.Queue, error) {
	var queues []farmtally.Queue
	err := query(ctx, c.reader, func(rows *sql.Rows) error {
		q := farmtally.Queue{FarmID: farm}
		err := rows.Scan(&q.ID, &q.Name, &q.CreatedAt)
		queues = append(queues, q)
		return err
	}, "SELECT queue_id, name, created_at FROM queues WHERE farm_id = ? ORDER BY name, queue_id", farm)
	return queues, err
}

// Fleets gives a farm's fleets, by name and id.
func (c *Catalog) Fleets(ctx context.Context, farm farmtally.FarmID) ([]farmtally.Fleet, error) {
	var fleets []farmtally.Fleet
	err := query(ctx, c.reader, func(rows *sql.Rows) error {
		f := farmtally.Fleet{FarmID: farm}
		err := rows.Scan(&f.ID, &f.Name, &f.CreatedAt)
		fleets = append(fleets, f)
		return err
	}, "SELECT fleet_id, name, created_at FROM fleets WHERE farm_id = ? ORDER BY name, fleet_id", farm)
	return fleets, err
}

// Names are the farms, queues, fleets and jobs of accepted records, and what they
// are called. It is not safe for concurrent use.
type Names struct {
	farms map[farmtally.FarmID]*farmNames
}

type farmNames struct {
	name   string
	queues idNames
	fleets idNames
	jobs   idNames

	renames string   // when the names of jobs were looked up
	news    []string // jobs that had another name then, or none, ascending; nil where they were not looked up
}

// idNames are names by id. Those noted lately are not looked up: recent has them at a
// place that the id alone decides.
type idNames struct {
	names  map[string]string
	recent [recentNames]struct{ id, name string }
}

const recentNames = 1 << 8

func idSlot(id string) int {
	h := uint64(0)
	for i := max(0, len(id)-8); i < len(id); i++ {
		h = h<<8 | uint64(id[i])
	}
	return int(h * 0x9E3779B97F4A7C15 >> 56)
}

// Note keeps the record's ids and names; the latest name of each counts.
func (n *Names) Note(r *farmtally.Record) {
	f := n.farm(r.FarmID)
	if r.FarmName != "" {
		f.name = r.FarmName
	}
	f.queues.note(string(r.QueueID), r.QueueName, true)
	f.fleets.note(string(r.FleetID), r.FleetName, true)
	f.jobs.note(string(r.JobID), r.JobName, false)
}

func (n *Names) farm(id farmtally.FarmID) *farmNames {
	f := n.farms[id]
	if f == nil {
		if n.farms == nil {
			n.farms = map[farmtally.FarmID]*farmNames{}
		}
		f = &farmNames{}
		for _, n := range []*idNames{&f.queues, &f.fleets, &f.jobs} {
			n.names = map[string]string{}
		}
		n.farms[id] = f
	}
	return f
}

// NoteTable keeps the ids and names of a table's rows.
func (n *Names) NoteTable(t *farmtally.Table) {
	f := n.farm(t.FarmID)
	if t.FarmName != "" {
		f.name = t.FarmName
	}
	f.queues.noteAll(&t.Queues, true)
	f.fleets.noteAll(&t.Fleets, true)
	f.jobs.noteAll(&t.Jobs, false)
}

func (n *idNames) noteAll(column *farmtally.Coded, evenNameless bool) {
	used := make([]bool, len(column.Values))
	for _, code := range column.Codes {
		used[code] = true
	}
	for code, id := range column.Values {
		if !used[code] {
			continue
		}
		name := ""
		if column.Names != nil {
			name = column.Names[code]
		}
		n.note(id, name, evenNameless)
	}
}

// Farms gives the farms.
func (n *Names) Farms() iter.Seq[farmtally.FarmID] { return maps.Keys(n.farms) }

func (n *idNames) note(id, name string, evenNameless bool) {
	if id == "" {
		return
	}
	recent := &n.recent[idSlot(id)]
	if recent.id == id && recent.name == name {
		return
	}
	recent.id, recent.name = id, name
	old, known := n.names[id]
	if name != "" && name != old || evenNameless && !known {
		n.names[id] = name
	}
}

// An empty name leaves the one that is there.
const (
	putQueue = `INSERT INTO queues VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name WHERE excluded.name <> ''`
	putFleet = `INSERT INTO fleets VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name WHERE excluded.name <> ''`
)

// Name makes the farms, queues and fleets known, and keeps the names. An empty
// name leaves the one that is there.
func (t *Tx) Name(ctx context.Context, names *Names) error {
	now := t.catalog.now()
	for farm, f := range names.farms {
		if _, err := t.tx.ExecContext(ctx, `INSERT INTO farms VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET name = excluded.name WHERE excluded.name <> ''`,
			farm, f.name, farmtally.DefaultCostScale, now); err != nil {
			return fmt.Errorf("write farm: %w", explain(ctx, err))
		}
		for statement, ids := range map[string]map[string]string{putQueue: f.queues.names, putFleet: f.fleets.names} {
			for id, name := range ids {
				if _, err := t.tx.ExecContext(ctx, statement, farm, id, name, now); err != nil {
					return fmt.Errorf("write queues and fleets: %w", explain(ctx, err))
				}
			}
		}
		if err := t.nameJobs(ctx, farm, f); err != nil {
			return err
		}
	}
	return nil
}
