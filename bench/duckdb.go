package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/farmtally/farmtally"
)

// duck is DuckDB, in this process, on a file of its own.
type duck struct {
	db  *sql.DB
	dir string
}

// openDuck opens the file duckdb.db of a folder.
func openDuck(dir string) (*duck, error) {
	db, err := sql.Open("duckdb", filepath.Join(dir, "duckdb.db")+fmt.Sprintf("?threads=%d", threads))
	if err != nil {
		return nil, fmt.Errorf("open DuckDB: %w", err)
	}
	db.SetMaxOpenConns(1)
	return &duck{db, dir}, nil
}

// duckLoad makes the table. Names with few values are enumerations, which DuckDB groups
// fastest; that of users has all of the synthetic farm, for few records are not of all.
const duckLoad = `
CREATE TYPE queues AS ENUM (SELECT DISTINCT queueId FROM '%[1]s' ORDER BY 1);
CREATE TYPE fleets AS ENUM (SELECT DISTINCT fleetId FROM '%[1]s' ORDER BY 1);
CREATE TYPE users AS ENUM (SELECT format('user-{:03d}', i) FROM range(1, 301) AS numbers(i));
CREATE TYPE usage_types AS ENUM ('COMPUTE', 'LICENSE', 'PERSISTENT_VOLUME');
CREATE TYPE instance_types AS ENUM (SELECT DISTINCT instanceType FROM '%[1]s' ORDER BY 1);
CREATE TYPE products AS ENUM (SELECT DISTINCT coalesce(licenseProduct, '') FROM '%[1]s' ORDER BY 1);
CREATE TABLE usage AS SELECT %[2]s FROM '%[1]s' ORDER BY start;
CHECKPOINT`

// duckColumns are the table's columns, of those of the Parquet file.
const duckColumns = `recordId AS id, queueId::queues AS queue, fleetId::fleets AS fleet, jobId AS job,
  userId::users AS user_id, usageType::usage_types AS usage_type, instanceType::instance_types AS instance_type,
  coalesce(licenseProduct, '')::products AS product, epoch_ms(startedAt) AS start,
  epoch_ms(endedAt) - epoch_ms(startedAt) AS wall, (runtimeInSeconds * 1000)::BIGINT AS runtime,
  (costInUsd * 1000000000)::BIGINT AS cost`

func (d *duck) load(ctx context.Context, parquet string) error {
	return d.exec(ctx, fmt.Sprintf(duckLoad, parquet, duckColumns))
}

// insert adds the records of another file.
func (d *duck) insert(ctx context.Context, parquet string) error {
	return d.exec(ctx, fmt.Sprintf("INSERT INTO usage SELECT %s FROM '%s' ORDER BY start;\nCHECKPOINT", duckColumns, parquet))
}

func (d *duck) version(ctx context.Context) (text string, err error) {
	if err = d.db.QueryRowContext(ctx, "SELECT version()").Scan(&text); err != nil {
		err = fmt.Errorf("DuckDB: %w", err)
	}
	return text, err
}

func (d *duck) name() string { return "DuckDB" }

func (d *duck) close() error { return d.db.Close() }

func (d *duck) exec(ctx context.Context, text string) error {
	if _, err := d.db.ExecContext(ctx, text); err != nil {
		return fmt.Errorf("DuckDB: %w", err)
	}
	return nil
}

// time answers into a temporary table: the cheapest place that keeps every row.
func (d *duck) time(ctx context.Context, _ *question, text string) (time.Duration, error) {
	begun := time.Now()
	err := d.exec(ctx, "CREATE OR REPLACE TEMP TABLE answer AS "+text)
	return time.Since(begun), err
}

func (d *duck) rows(ctx context.Context, _ *question, text string) ([]string, error) {
	file := filepath.Join(d.dir, "rows.tsv")
	err := d.exec(ctx, fmt.Sprintf("COPY (%s) TO '%s' (FORMAT csv, DELIMITER '\t', HEADER false)", text, file))
	if err != nil {
		return nil, err
	}
	return readLines(file)
}

// readLines takes a file of rows, in byte order, and removes it.
func readLines(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	if err := os.Remove(file); err != nil {
		return nil, fmt.Errorf("remove rows: %w", err)
	}
	text := strings.ReplaceAll(strings.TrimSuffix(string(data), "\n"), `""`, "")
	if text == "" {
		return nil, nil
	}
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return lines, nil
}

func (d *duck) statements(q *farmtally.Query) []statement { return duckSQL.statements(q) }
