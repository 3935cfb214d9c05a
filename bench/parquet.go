package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// parquetResult is how long the same file takes to become a durable table.
type parquetResult struct {
	Farmtally times `json:"farmtally"`
	DuckDB    times `json:"duckdb"`
}

// parquetRounds bounds the rounds, which are long.
const parquetRounds = 3

// duckParquet is DuckDB's import. Row order is of no use to anyone here, and costs.
const duckParquet = "CREATE TABLE usage AS SELECT * FROM '%s'"

// measureParquet imports the data's file in turn: by 'farmtally import parquet', from the
// start of the process to its end, and by DuckDB, whose start is not counted.
func (b *bench) measureParquet(ctx context.Context) error {
	var r parquetResult
	for range min(b.rounds, parquetRounds) {
		err := b.scratch("import", func(dir string) error {
			begun := time.Now()
			_, err := b.farmtally(ctx, "import", "parquet", "--data", filepath.Join(dir, "farmtally"), b.parquetFile())
			r.Farmtally.add(time.Since(begun))
			return err
		})
		if err == nil {
			err = b.scratch("import", func(dir string) error { return b.duckImport(ctx, dir, &r.DuckDB) })
		}
		if err != nil {
			return err
		}
	}
	b.results.Parquet = &r
	return nil
}

func (b *bench) duckImport(ctx context.Context, dir string, to *times) (err error) {
	d, err := openDuck(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.exec(ctx, "SET preserve_insertion_order = false"); err != nil { // opens the file, too
		return err
	}
	begun := time.Now()
	err = d.exec(ctx, fmt.Sprintf(duckParquet, b.parquetFile())+"; CHECKPOINT")
	to.add(time.Since(begun))
	return err
}
