package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// roofline is the bytes that a question must touch: of the rows whose starts can meet
// the range, the times, the amounts, and the codes of the resource and the groups.
type roofline struct {
	columns  [][]byte
	segments []*storage.Segment
}

var segmentColumn = map[farmtally.Dimension]storage.Column{
	farmtally.ByQueue: storage.ColQueue, farmtally.ByFleet: storage.ColFleet, farmtally.ByJob: storage.ColJob,
	farmtally.ByUser: storage.ColUser, farmtally.ByUsageType: storage.ColUsageType,
	farmtally.ByInstanceType: storage.ColInstanceType, farmtally.ByLicenseProduct: storage.ColLicenseProduct,
}

func (o *ours) roofline(ctx context.Context, q *question) (*roofline, error) {
	view, err := o.catalog.View(ctx, q.FarmID)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	r := &roofline{}
	for _, info := range view.Segments {
		s, err := storage.OpenSegment(o.catalog.SegmentPath(info.File), info)
		if err != nil {
			return nil, errors.Join(err, r.close())
		}
		r.segments = append(r.segments, s)
		if err := r.add(s, q); err != nil {
			return nil, errors.Join(err, r.close())
		}
	}
	return r, nil
}

func (r *roofline) add(s *storage.Segment, q *question) error {
	starts, err := s.Starts()
	if err != nil {
		return err
	}
	from, _ := slices.BinarySearch(starts, int64(q.Start)-s.Info.MaxWall)
	to, _ := slices.BinarySearch(starts, int64(q.End))
	if from >= to {
		return nil
	}
	r.columns = append(r.columns, raw(starts[from:to]))
	for _, c := range []storage.Column{storage.ColWall, storage.ColRuntime, storage.ColCost} {
		values, err := s.Numbers(c)
		if err != nil {
			return err
		}
		r.columns = append(r.columns, slice(values, from, to))
	}
	resource := storage.ColQueue
	if len(q.FleetIDs) > 0 {
		resource = storage.ColFleet
	}
	read := map[storage.Column]bool{resource: true}
	for _, d := range q.GroupBy {
		read[segmentColumn[d]] = true
	}
	for c := range read {
		codes, _, err := s.Codes(c)
		if err != nil {
			return err
		}
		r.columns = append(r.columns, slice(codes, from, to))
	}
	return nil
}

// slice is the bytes of some rows of a column.
func slice(values any, from, to int) []byte {
	switch v := values.(type) {
	case []uint8:
		return v[from:to]
	case []uint16:
		return raw(v[from:to])
	case []uint32:
		return raw(v[from:to])
	case []uint64:
		return raw(v[from:to])
	}
	return nil
}

func raw[T any](values []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), len(values)*int(unsafe.Sizeof(values[0]))) //nolint:gosec // the bytes of the same slice
}

const blockBytes = 256 << 10

// time reads all the bytes once, on as many cores as everyone has. It counts a byte,
// with the vector instructions of bytes.IndexByte, for hardly any byte is absent from a
// column, and IndexByte would stop at each.
func (r *roofline) time() time.Duration {
	var blocks [][]byte
	for _, column := range r.columns {
		blocks = slices.AppendSeq(blocks, slices.Chunk(column, blockBytes))
	}
	var next atomic.Int64
	var group sync.WaitGroup
	begun := time.Now()
	for range threads {
		group.Go(func() {
			for {
				at := int(next.Add(1)) - 1
				if at >= len(blocks) {
					return
				}
				bytes.Count(blocks[at], []byte{0})
			}
		})
	}
	group.Wait()
	return time.Since(begun)
}

func (r *roofline) bytes() (n int64) {
	for _, c := range r.columns {
		n += int64(len(c))
	}
	return n
}

func (r *roofline) close() (err error) {
	for _, s := range r.segments {
		err = errors.Join(err, s.Close())
	}
	return err
}
