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
	queues map[string]string
	fleets map[string]string
	jobs   map[string]string
}

// Note keeps the record's ids and names; the latest name of each counts.
func (n *Names) Note(r *farmtally.Record) {
	f := n.farms[r.FarmID]
	if f == nil {
		if n.farms == nil {
			n.farms = map[farmtally.FarmID]*farmNames{}
		}
		f = &farmNames{queues: map[string]string{}, fleets: map[string]string{}, jobs: map[string]string{}}
		n.farms[r.FarmID] = f
	}
	if r.FarmName != "" {
		f.name = r.FarmName
	}
	note(f.queues, string(r.QueueID), r.QueueName, true)
	note(f.fleets, string(r.FleetID), r.FleetName, true)
	note(f.jobs, string(r.JobID), r.JobName, false)
}

// Farms gives the farms.
func (n *Names) Farms() iter.Seq[farmtally.FarmID] { return maps.Keys(n.farms) }

func note(names map[string]string, id, name string, evenNameless bool) {
	if id == "" {
		return
	}
	old, known := names[id]
	if name != "" && name != old || evenNameless && !known {
		names[id] = name
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
		for statement, ids := range map[string]map[string]string{putQueue: f.queues, putFleet: f.fleets} {
			for id, name := range ids {
				if _, err := t.tx.ExecContext(ctx, statement, farm, id, name, now); err != nil {
					return fmt.Errorf("write queues and fleets: %w", explain(ctx, err))
				}
			}
		}
		if err := t.nameJobs(ctx, farm, f.jobs); err != nil {
			return err
		}
	}
	return nil
}
