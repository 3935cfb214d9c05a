package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/ingest"
)

// pushResult is how long batches of new records take to be answered, and so durable.
type pushResult struct {
	Records   int64 `json:"records"` // of a round
	Seconds   times `json:"seconds"`
	ServerCPU times `json:"serverCpu"` // seconds of processor time
}

// singleResult is single records pushed, and the disk's own write and fsync, in turn: the
// brief times of each.
type singleResult struct {
	Push times `json:"push"`
	Disk times `json:"disk"`
}

const (
	batchRows     = 1000
	batches       = 400 // of a round
	pushRounds    = 3
	singleRecords = 1000
	singlePause   = 5 * time.Millisecond
	pushTarget    = "/v1/farms/%s/usage?farmName=synthetic&kind=synthetic"
)

// measurePush pushes to a server on an empty folder.
func (b *bench) measurePush(ctx context.Context) error {
	return b.scratch("push", func(dir string) error {
		return b.serve(ctx, filepath.Join(dir, "farmtally"), func(s *server) error {
			next, stop := batchesOf(ctx, pushRounds*batches*batchRows+singleRecords)
			defer stop()
			if err := b.pushBatches(ctx, dir, s, next); err != nil {
				return err
			}
			return b.pushSingles(ctx, dir, s, next)
		})
	})
}

// batchesOf gives NDJSON of so many new records, rows at a time.
func batchesOf(ctx context.Context, records int64) (next func(rows int) ([]byte, error), stop func()) {
	ctx, stop = context.WithCancel(ctx)
	made := ahead(ctx, (ingest.Synthetic{Records: records, Seed: seed + 2}).Each())
	var left []farmtally.Record
	return func(rows int) ([]byte, error) {
		var text bytes.Buffer
		w, err := export.NewRecordWriter(&text, export.RecordConfig{Form: "ndjson"})
		if err != nil {
			return nil, err
		}
		for range rows {
			if len(left) == 0 {
				if left = <-made; len(left) == 0 {
					return nil, errors.Join(ctx.Err(), errors.New("there are no more records"))
				}
			}
			if err := w.Write(&left[0]); err != nil {
				return nil, err
			}
			left = left[1:]
		}
		err = w.Close()
		return text.Bytes(), err
	}, stop
}

func (b *bench) pushBatches(ctx context.Context, dir string, s *server, next func(int) ([]byte, error)) error {
	r := pushResult{Records: batches * batchRows}
	for range min(b.rounds, pushRounds) {
		var requests [][]byte
		for range batches {
			body, err := next(batchRows)
			if err != nil {
				return err
			}
			wire, err := s.request(ctx, http.MethodPost, fmt.Sprintf(pushTarget, farm()), body)
			if err != nil {
				return err
			}
			requests = append(requests, wire)
		}
		used := s.cpu()
		took, err := sendAll(ctx, dir, s, requests, fmt.Sprintf(`"accepted":%d,`, batchRows))
		if err != nil {
			return err
		}
		r.Seconds.add(took)
		r.ServerCPU.add(s.cpu() - used)
	}
	b.results.Push = &r
	return nil
}

// pushSingles pushes one record at a time, and in turn appends as much to a file of the
// same disk, with an fsync. A pause lets neither run into the other's work.
func (b *bench) pushSingles(ctx context.Context, dir string, s *server, next func(int) ([]byte, error)) (err error) {
	c, err := dial(ctx, s.address)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // everything was read
	file, err := os.Create(filepath.Join(dir, "disk"))
	if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var r singleResult
	page := make([]byte, 4096)
	for range singleRecords {
		body, err := next(1)
		if err != nil {
			return err
		}
		wire, err := s.request(ctx, http.MethodPost, fmt.Sprintf(pushTarget, farm()), body)
		if err != nil {
			return err
		}
		time.Sleep(singlePause)
		begun := time.Now()
		answer, err := c.exchange(wire)
		r.Push.add(time.Since(begun))
		if err != nil || !bytes.Contains(answer, []byte(`"accepted":1,`)) {
			return errors.Join(err, fmt.Errorf("a record was answered by %s", answer))
		}
		time.Sleep(singlePause)
		begun = time.Now()
		if _, err := file.Write(page); err != nil {
			return fmt.Errorf("write to disk: %w", err)
		}
		if err := file.Sync(); err != nil {
			return fmt.Errorf("write to disk: %w", err)
		}
		r.Disk.add(time.Since(begun))
	}
	b.results.Single = &singleResult{r.Push.brief(), r.Disk.brief()}
	return nil
}
