package main

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/server"
)

// flight is a batch on its way.
type flight struct {
	batch []byte
	rows  int
	first int64    // line of its first row
	ids   []uint64 // hashes of its record ids, ascending
	alone bool     // some id is not plain to see

	landed chan struct{} // closed when the result is there
	result *server.PushResult
	err    error
}

// meets reports whether two batches may have a record in common, of which the later
// version must be stored last: they must not be on their way at once.
func (f *flight) meets(other *flight) bool {
	if f.alone || other.alone {
		return true
	}
	a, b := f.ids, other.ids
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			return true
		}
	}
	return false
}

var idSeed = maphash.MakeSeed()

// findIDs hashes the record ids of the batch's rows.
func (f *flight) findIDs() {
	f.ids = f.ids[:0]
	for line := range bytes.Lines(f.batch) {
		id, plain := idOf(line)
		switch {
		case plain:
			f.ids = append(f.ids, maphash.Bytes(idSeed, id))
		case len(bytes.TrimSpace(line)) > 0:
			f.alone = true
		}
	}
	slices.Sort(f.ids)
}

// idOf finds a row's record id where it is written plainly; a member's name cannot stand
// in a string, whose quotes have a backslash before them.
func idOf(line []byte) (id []byte, plain bool) {
	const name = `"recordId"`
	at := bytes.Index(line, []byte(name))
	if at < 0 {
		return nil, false
	}
	rest, colon := bytes.CutPrefix(bytes.TrimLeft(line[at+len(name):], " \t"), []byte(":"))
	rest, text := bytes.CutPrefix(bytes.TrimLeft(rest, " \t"), []byte(`"`))
	end := bytes.IndexByte(rest, '"')
	if !colon || !text || end < 0 || bytes.IndexByte(rest[:end], '\\') >= 0 {
		return nil, false
	}
	return rest[:end], true
}

// flush sends the batch on its way, if it has any rows, as soon as those before it let it.
func (r *pushRun) flush(ctx context.Context) error {
	if r.rows == 0 {
		return nil
	}
	f := &flight{batch: r.batch, rows: r.rows, first: r.first, landed: make(chan struct{})}
	if r.batch = nil; len(r.spare) > 0 {
		r.batch, r.spare = r.spare[len(r.spare)-1], r.spare[:len(r.spare)-1]
	}
	r.first += int64(r.rows)
	r.rows = 0
	if r.atOnce > 1 {
		f.findIDs()
	}
	for len(r.flights) >= r.atOnce || slices.ContainsFunc(r.flights, f.meets) {
		if err := r.land(ctx); err != nil {
			return err
		}
	}
	r.flights = append(r.flights, f)
	go func() {
		defer close(f.landed)
		f.result, f.err = r.sender.send(ctx, f.batch)
	}()
	return nil
}

// oldest is closed when the batch that has been on its way for longest has landed.
func (r *pushRun) oldest() <-chan struct{} {
	if len(r.flights) == 0 {
		return nil
	}
	return r.flights[0].landed
}

// land waits for the batch that has been on its way for longest, and counts its rows.
func (r *pushRun) land(ctx context.Context) error {
	f := r.flights[0]
	for landed := false; !landed; {
		select {
		case <-f.landed:
			landed = true
		case text := <-r.notices:
			r.notice(text)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if f.err != nil {
		return f.err
	}
	if f.result.Read != int64(f.rows) {
		return farmtally.Errorf(farmtally.Internal, "the server at %s counts %d rows of %d", r.sender.endpoint, f.result.Read, f.rows)
	}
	r.add(f.result)
	r.noticed = false
	for _, fault := range f.result.Faults {
		r.rejections.take(ingest.Rejection{File: r.name, Line: f.first + fault.Line - 1, Field: fault.Field, Reason: fault.Reason})
	}
	r.storedFile, r.storedLine = r.shown(), f.first+int64(f.rows)-1
	r.flights, r.spare = r.flights[1:], append(r.spare, f.batch[:0])
	r.progress.show(fmt.Sprintf("%s %s sent, %s rejected", count(r.Read), unit(r.Read, "row"), count(r.Rejected)))
	return nil
}

// settle sends the batch, and waits for all that are on their way.
func (r *pushRun) settle(ctx context.Context) error {
	if err := r.flush(ctx); err != nil {
		return err
	}
	for len(r.flights) > 0 {
		if err := r.land(ctx); err != nil {
			return err
		}
	}
	return nil
}
