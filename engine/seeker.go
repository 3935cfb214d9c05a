package engine

import (
	"sort"
	"unsafe"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// seeker finds the live rows of identities that ascend, in segments that overlap them:
// it goes through the segments once, side by side.
type seeker struct{ cursors []segmentCursor }

// segmentCursor is at the first row of a segment that is not below the last identity
// that was asked for.
type segmentCursor struct {
	source *source
	starts []int64
	at     int
}

// seeker makes one for the rows of the chunk in their order. Segments of other times
// are not opened.
func (f *farmLoad) seeker(c *chunk, order []int32) (*seeker, error) {
	seek := &seeker{}
	if len(order) == 0 {
		return seek, nil
	}
	first, last := c.builder.Start(int(order[0])), c.builder.Start(int(order[len(order)-1]))
	for _, sources := range [][]source{f.pending, f.base} {
		for i := range sources {
			if err := seek.over(&sources[i], first, last); err != nil {
				return nil, err
			}
		}
	}
	return seek, nil
}

// over has the seeker look in a segment too, unless it is of other times.
func (s *seeker) over(from *source, first, last farmtally.Instant) error {
	segment := from.segment
	if segment.Info.Last < first || segment.Info.First > last {
		return nil
	}
	starts, err := segment.Starts()
	if err == nil {
		err = segment.Verify(storage.ColRecordID)
	}
	if err != nil {
		return err
	}
	s.cursors = append(s.cursors, segmentCursor{source: from, starts: starts})
	return nil
}

// find gives the segment and the live row of the identity that a row of the chunk has,
// or nil.
func (s *seeker) find(c *chunk, at int32) (*source, int) {
	if len(s.cursors) == 0 {
		return nil, 0
	}
	start, bytes := int64(c.builder.Start(int(at))), c.builder.ID(int(at))
	id := unsafe.String(unsafe.SliceData(bytes), len(bytes)) //nolint:gosec // it is compared, and not kept
	for i := range s.cursors {
		cursor := &s.cursors[i]
		if cursor.seek(start, id) && !cursor.source.dropped.has(cursor.at) {
			return cursor.source, cursor.at
		}
	}
	return nil, 0
}

// ours gives the segment and the row of an identity that the import brings, or nil.
func (s *seeker) ours(k identity) (*source, int) {
	for i := range s.cursors {
		cursor := &s.cursors[i]
		if cursor.seek(int64(k.start), k.id) && cursor.source.ours(cursor.at) {
			return cursor.source, cursor.at
		}
	}
	return nil, 0
}

// seek goes to the identity, or to the first one above it, and reports which.
func (c *segmentCursor) seek(start int64, id string) bool {
	c.skipTo(start)
	for ; c.at < len(c.starts) && c.starts[c.at] == start; c.at++ {
		if there := c.source.segment.RecordID(c.at); there >= id {
			return there == id
		}
	}
	return false
}

// skipTo goes to the first row that starts at start or later, in steps that double.
func (c *segmentCursor) skipTo(start int64) {
	from, step := c.at, 1
	for from+step < len(c.starts) && c.starts[from+step] < start {
		from += step
		step *= 2
	}
	rest := c.starts[from:min(from+step+1, len(c.starts))]
	c.at = from + sort.Search(len(rest), func(i int) bool { return rest[i] >= start })
}
