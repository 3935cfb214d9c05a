package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// An import is accepted when it is committed: what others have made visible since it looked
// gives way to what it brings. What it found unchanged, and another has replaced since, it
// brings back. To find both takes as long as others have brought much, so that the import
// does it before its transaction, and there again of what has come in between.
//
// Whoever replaces a record puts another version of it into a batch of hot records or into a
// segment, in the same transaction; and whoever moves a record moves it into a segment. So
// what has become of a record is found in the batches and segments that have come since, and
// nothing else need be looked at.

// The transaction of an import looks at few records, for whoever pushes waits for it. Where
// more have come, it is given up, and the import catches up again before it tries once more,
// a few times at most: else an import would never end beside others that bring much.
const (
	behindRecords = 5000 // in segments, or among the hot ones
	behindTries   = 4
	hotBytes      = 200 // of one hot record, at most as a rule
)

// errBehind says that the transaction of an import would have to look at too much.
var errBehind = errors.New("too many records were written meanwhile")

// news are what others have made visible since an import last looked, at one moment.
type news struct {
	segments []storage.SegmentInfo // all of the farm's
	fresh    []storage.SegmentInfo // those that are not in base
	dropped  map[int64][]uint32    // of the fresh ones
	hot      []farmtally.Record    // of the batches that have come since
	version  int64
}

// behind reports whether there is more news than a transaction should look at.
func (f *farmLoad) behind(ctx context.Context, tx *storage.Tx) (bool, error) {
	infos, err := tx.Segments(ctx, f.farm)
	if err != nil {
		return false, err
	}
	records := int64(0)
	for _, info := range f.unknown(infos) {
		records += info.Records
	}
	bytes, err := tx.HotBytesSince(ctx, f.farm, f.version)
	return records > f.engine.behind || bytes > hotBytes*f.engine.behind, err
}

// unknown gives the segments that are not in base.
func (f *farmLoad) unknown(segments []storage.SegmentInfo) []storage.SegmentInfo {
	known := make(map[int64]bool, len(f.base))
	for i := range f.base {
		known[f.base[i].segment.Info.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(segments), func(info storage.SegmentInfo) bool { return known[info.ID] })
}

func (f *farmLoad) news(ctx context.Context, tx *storage.Tx) (n news, err error) {
	if n.segments, err = tx.Segments(ctx, f.farm); err != nil {
		return n, err
	}
	n.fresh, n.dropped = f.unknown(n.segments), map[int64][]uint32{}
	for _, info := range n.fresh {
		if n.dropped[info.ID], err = tx.DroppedRows(ctx, info.ID); err != nil {
			return n, err
		}
	}
	n.hot, n.version, err = tx.HotSince(ctx, f.farm, f.version)
	return n, err
}

// catchUp looks at the news outside of a transaction that writes.
func (f *farmLoad) catchUp(ctx context.Context) (err error) {
	for range pinTries {
		var n news
		err = f.engine.catalog.Read(ctx, func(tx *storage.Tx) (err error) {
			n, err = f.news(ctx, tx)
			return err
		})
		if err == nil {
			err = f.take(n)
		}
		if !errors.Is(err, fs.ErrNotExist) { // else a segment has been merged into another since
			break
		}
	}
	if err == nil && len(f.gone)+len(f.hot) > 0 {
		err = f.engine.catalog.WarmHot(ctx, f.farm)
	}
	return err
}

// take takes note of the news. Where a file of them is gone it has done nothing.
func (f *farmLoad) take(n news) error {
	if err := f.engine.openAll(n.fresh); err != nil {
		return err
	}
	base := slices.Clone(f.base)
	for _, info := range n.fresh {
		segment, err := f.engine.segment(info)
		if err != nil {
			return err
		}
		s := newSource(segment, n.dropped[info.ID])
		if err := f.meetSegment(&s); err != nil {
			return err
		}
		base = append(base, s)
	}
	if err := f.meetHot(n.hot); err != nil {
		return err
	}
	f.base = slices.DeleteFunc(base, func(s source) bool {
		return !slices.ContainsFunc(n.segments, func(info storage.SegmentInfo) bool { return info.ID == s.segment.Info.ID })
	})
	f.version = n.version
	return nil
}

// meetSegment finds what the import brings too in a segment that has come since.
func (f *farmLoad) meetSegment(s *source) error {
	seek, err := f.own(s.segment.Info.First, s.segment.Info.Last)
	if err != nil || len(seek.cursors)+len(f.hot)+len(f.keptHot) == 0 {
		return err
	}
	starts, err := s.segment.Starts()
	if err == nil {
		err = s.segment.Verify(storage.ColRecordID)
	}
	for row := 0; err == nil && row < len(starts); row++ {
		if s.dropped.has(row) {
			continue
		}
		err = f.meet(identity{farmtally.Instant(starts[row]), s.segment.RecordID(row)}, seek, segmentRow{s, row})
	}
	return err
}

// meetHot finds what the import brings too among hot records that have come since.
func (f *farmLoad) meetHot(records []farmtally.Record) error {
	if len(records) == 0 {
		return nil
	}
	seek, err := f.own(records[0].StartedAt, records[len(records)-1].StartedAt)
	for i := 0; err == nil && i < len(records); i++ {
		err = f.meet(identityOf(&records[i]), seek, hotRecord{f, &records[i]})
	}
	return err
}

// own seeks what the import brings.
func (f *farmLoad) own(first, last farmtally.Instant) (*seeker, error) {
	seek := &seeker{}
	for _, sources := range [][]source{f.pending, f.base} {
		for i := range sources {
			if s := &sources[i]; s.pending || s.kept != nil {
				if err := seek.over(s, first, last); err != nil {
					return nil, err
				}
			}
		}
	}
	return seek, nil
}

// newcomer is a record that others have made visible.
type newcomer interface {
	record() (*farmtally.Record, error)
	remove() // for the import brings another
	keep()   // for the import brings the same
}

// meet looks whether the import brings a record of the newcomer's identity. Those that are
// asked for ascend.
func (f *farmLoad) meet(k identity, seek *seeker, other newcomer) error {
	if _, mine := f.hot[k]; mine {
		other.remove()
		return nil
	}
	kept, keeps := f.keptHot[k]
	if !keeps {
		s, row := seek.ours(k)
		if s == nil {
			return nil
		}
		if s.pending {
			other.remove()
			return nil
		}
		if err := s.segment.VerifyAll(); err != nil {
			return err
		}
		s.segment.Record(row, &kept)
		s.kept.clear(row)
	}
	there, err := other.record()
	if err != nil {
		return err
	}
	delete(f.keptHot, k)
	if there.SameAs(&kept) {
		other.keep()
		return nil
	}
	f.hot[identityOf(&kept)] = kept
	other.remove()
	return nil
}

// segmentRow is a row of a segment that has come.
type segmentRow struct {
	source *source
	row    int
}

func (r segmentRow) remove() { r.source.drop(r.row) }
func (r segmentRow) keep()   { r.source.kept.set(r.row) }

func (r segmentRow) record() (*farmtally.Record, error) {
	if err := r.source.segment.VerifyAll(); err != nil {
		return nil, err
	}
	var record farmtally.Record
	r.source.segment.Record(r.row, &record)
	return &record, nil
}

// hotRecord is a hot record that has come.
type hotRecord struct {
	load *farmLoad
	hot  *farmtally.Record
}

func (r hotRecord) remove()                            { r.load.gone = append(r.load.gone, *r.hot) }
func (r hotRecord) keep()                              { r.load.keptHot[identityOf(r.hot)] = *r.hot }
func (r hotRecord) record() (*farmtally.Record, error) { return r.hot, nil }

// commit makes the import visible in one transaction, which finds prepared what takes long.
func (l *load) commit(ctx context.Context) error {
	for try := 0; ; try++ {
		if err := l.prepare(ctx); err != nil {
			return err
		}
		l.engine.prepared()
		err := l.engine.catalog.Write(ctx, func(tx *storage.Tx) error {
			if err := l.latest(ctx, tx, try < behindTries); err != nil {
				return err
			}
			if err := tx.Name(ctx, &l.names); err != nil {
				return err
			}
			for _, f := range l.farms {
				if err := f.commit(ctx, tx); err != nil {
					return err
				}
			}
			return nil
		})
		if !errors.Is(err, errBehind) {
			return err
		}
	}
}

func (l *load) prepare(ctx context.Context) error {
	if err := l.engine.catalog.LookUp(ctx, &l.names); err != nil {
		return fmt.Errorf("look up names: %w", err)
	}
	for _, f := range l.farms {
		if err := f.catchUp(ctx); err != nil {
			return err
		}
	}
	return nil
}

// latest takes note of what has come since the import has prepared itself.
func (l *load) latest(ctx context.Context, tx *storage.Tx, mayGiveUp bool) error {
	for _, f := range l.farms {
		if !mayGiveUp {
			break
		}
		if behind, err := f.behind(ctx, tx); err != nil || behind {
			return cmp.Or(err, errBehind)
		}
	}
	for _, f := range l.farms {
		n, err := f.news(ctx, tx)
		if err == nil {
			err = f.take(n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
