package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/farmtally/farmtally"
)

// click is ClickHouse, in a process of Node.js.
type click struct {
	talker
	dir string
}

func openClick(ctx context.Context, dir string) (*click, error) {
	p := exec.CommandContext(ctx, node(), "clickhouse/driver.mjs", filepath.Join(dir, "clickhouse")) //nolint:gosec // the user's own choice
	p.Stderr = os.Stderr
	t, err := talkTo(p)
	if err != nil {
		return nil, fmt.Errorf("start ClickHouse: %w", err)
	}
	return &click{t, dir}, nil
}

// clickTable makes the table, a part of which is sorted by start. Names with few values are
// enumerations, and numbers are stored as they are, which ClickHouse reads fastest.
const clickTable = `CREATE TABLE usage (
  id String, queue %s, fleet %s, job LowCardinality(String), user_id %s,
  usage_type %s, instance_type %s, product %s,
  start Int64 CODEC(NONE), wall UInt32 CODEC(NONE), runtime UInt32 CODEC(NONE), cost Int64 CODEC(NONE)
) ENGINE = MergeTree ORDER BY start`

// clickEnums are the columns of the Parquet file that become enumerations, as clickTable
// has them.
var clickEnums = []any{"queueId", "fleetId", "userId", "usageType", "instanceType", "coalesce(licenseProduct, '')"}

const clickMerge = "OPTIMIZE TABLE usage FINAL"

// clickInsert adds the records of a Parquet file.
const clickInsert = `INSERT INTO usage SELECT recordId, queueId, fleetId, jobId, userId, usageType, instanceType, coalesce(licenseProduct, ''),
  toUnixTimestamp64Milli(startedAt), toUnixTimestamp64Milli(assumeNotNull(endedAt)) - toUnixTimestamp64Milli(startedAt),
  toInt64(assumeNotNull(runtimeInSeconds) * 1000), toInt64(assumeNotNull(costInUsd) * 1000000000)
FROM file('FILE', Parquet)`

func (c *click) load(ctx context.Context, parquet string) error {
	var enums []any
	for _, column := range clickEnums {
		values, err := c.lines(ctx, fmt.Sprintf("SELECT DISTINCT %s FROM file('%s', Parquet)", column, parquet))
		if err != nil {
			return err
		}
		if column == "userId" {
			values = users() // few records are not of all users
		}
		enums = append(enums, enumeration(values))
	}
	return c.runAll(ctx, parquet, fmt.Sprintf(clickTable, enums...), clickInsert, clickMerge)
}

// enumeration is the type of a column of these values.
func enumeration(values []string) string {
	slices.Sort(values)
	bits := 8
	if len(values) > 127 {
		bits = 16
	}
	return fmt.Sprintf("Enum%d('%s')", bits, strings.Join(values, "', '"))
}

func (c *click) runAll(ctx context.Context, parquet string, texts ...string) error {
	for _, text := range texts {
		if _, err := c.run(ctx, strings.ReplaceAll(text, "FILE", parquet), ""); err != nil {
			return err
		}
	}
	return nil
}

// copy makes a database with a copy of the table, which shares its files, and uses it.
func (c *click) copy(ctx context.Context) error {
	return c.runAll(ctx, "", "DROP DATABASE IF EXISTS again", "CREATE DATABASE again",
		"CREATE TABLE again.usage AS default.usage", "ALTER TABLE again.usage ATTACH PARTITION ID 'all' FROM default.usage", "USE again")
}

// uncopy drops the copy.
func (c *click) uncopy(ctx context.Context) error {
	return c.runAll(ctx, "", "USE default", "DROP DATABASE again")
}

// insert adds the records of another file.
func (c *click) insert(ctx context.Context, parquet string) error {
	return c.runAll(ctx, parquet, clickInsert)
}

func (c *click) version(ctx context.Context) (string, error) {
	lines, err := c.lines(ctx, "SELECT version()")
	return strings.Join(lines, ""), err
}

// lines are the rows of an answer, in byte order.
func (c *click) lines(ctx context.Context, text string) ([]string, error) {
	file := filepath.Join(c.dir, "rows.tsv")
	if _, err := c.run(ctx, text, file); err != nil {
		return nil, err
	}
	return readLines(file)
}

func (c *click) name() string { return "ClickHouse" }

// run runs a statement, and writes its rows to the file, if one is named.
func (c *click) run(ctx context.Context, text, file string) (time.Duration, error) {
	request, err := json.Marshal(map[string]string{"sql": text, "file": file})
	if err != nil {
		return 0, err
	}
	if _, err := c.in.Write(append(request, '\n')); err != nil {
		return 0, errors.Join(ctx.Err(), fmt.Errorf("ask ClickHouse: %w", err))
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return 0, errors.Join(ctx.Err(), fmt.Errorf("read ClickHouse: %w", err))
	}
	var answer struct {
		Seconds float64
		Error   string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return 0, fmt.Errorf("read ClickHouse: %w", err)
	}
	if answer.Error != "" {
		return 0, fmt.Errorf("ClickHouse: %s", answer.Error)
	}
	return time.Duration(answer.Seconds * float64(time.Second)), nil
}

// time answers with FORMAT Null: every row is made, and none is printed.
func (c *click) time(ctx context.Context, _ *question, text string) (time.Duration, error) {
	return c.run(ctx, text+"\nFORMAT Null", "")
}

func (c *click) rows(ctx context.Context, _ *question, text string) ([]string, error) {
	return c.lines(ctx, text)
}

func (c *click) statements(q *farmtally.Query) []statement { return clickSQL.statements(q) }

func (c *click) close() error {
	if err := c.end(context.Background()); err != nil {
		return fmt.Errorf("stop ClickHouse: %w", err)
	}
	return nil
}
