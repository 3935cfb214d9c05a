package storage

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/farmtally/farmtally"
)

// DroppedRows are rows of a segment, ascending.
type DroppedRows struct {
	Segment int64
	Rows    []uint32
}

// listRows is how many rows of a segment a transaction drops as one list, rather than each
// for itself, for which SQLite takes 7 µs.
const listRows = 4

// dropping is what a transaction drops. It is written as its last.
type dropping struct {
	rows  map[int64]map[uint32]bool // by segment
	lists []DroppedRows
}

func (d *dropping) has(segment int64, row uint32) bool {
	if d.rows[segment][row] {
		return true
	}
	for i := range d.lists {
		if d.lists[i].Segment == segment {
			if _, there := slices.BinarySearch(d.lists[i].Rows, row); there {
				return true
			}
		}
	}
	return false
}

// of gives what is dropped of a segment, in any order.
func (d *dropping) of(segment int64) (rows []uint32) {
	for row := range d.rows[segment] {
		rows = append(rows, row)
	}
	for i := range d.lists {
		if d.lists[i].Segment == segment {
			rows = append(rows, d.lists[i].Rows...)
		}
	}
	return rows
}

// all gives it by segment.
func (d *dropping) all() []DroppedRows {
	all := slices.Clip(d.lists)
	for segment, rows := range d.rows {
		list := DroppedRows{Segment: segment}
		for row := range rows {
			list.Rows = append(list.Rows, row)
		}
		slices.Sort(list.Rows)
		all = append(all, list)
	}
	return all
}

// Drop marks a segment's row as replaced.
func (t *Tx) Drop(ctx context.Context, segment int64, row int) error {
	if t.dropping.rows[segment] == nil {
		if t.dropping.rows == nil {
			t.dropping.rows = map[int64]map[uint32]bool{}
		}
		t.dropping.rows[segment] = map[uint32]bool{}
	}
	t.dropping.rows[segment][uint32(row)] = true //nolint:gosec // a row's number
	return ctx.Err()
}

// DropRows marks rows of a segment as replaced. They must stay as they are.
func (t *Tx) DropRows(ctx context.Context, rows DroppedRows) error {
	if len(rows.Rows) > 0 {
		t.dropping.lists = append(t.dropping.lists, rows)
	}
	return ctx.Err()
}

// writeDropped writes what the transaction drops.
func (t *Tx) writeDropped(ctx context.Context) error {
	t.drops = t.dropping.all()
	for i := range t.drops {
		d := &t.drops[i]
		if len(d.Rows) >= listRows {
			if err := t.writeList(ctx, d); err != nil {
				return err
			}
			continue
		}
		for _, row := range d.Rows {
			if _, err := t.tx.ExecContext(ctx, "INSERT INTO dropped VALUES (?, ?) ON CONFLICT DO NOTHING", d.Segment, row); err != nil {
				return fmt.Errorf("drop row: %w", explain(ctx, err))
			}
		}
	}
	return nil
}

func (t *Tx) writeList(ctx context.Context, d *DroppedRows) error {
	_, err := t.tx.ExecContext(ctx, `INSERT INTO drop_lists VALUES
		(?1, (SELECT coalesce(max(list_id), 0) + 1 FROM drop_lists WHERE segment_id = ?1), ?2)`, d.Segment, appendRuns(nil, d.Rows))
	if err != nil {
		return fmt.Errorf("drop rows: %w", explain(ctx, err))
	}
	return t.raiseFormat(ctx, listVersion)
}

// appendRuns appends ascending rows as the lengths of runs: of rows that are not among
// them, of rows that are, and so on.
func appendRuns(b []byte, rows []uint32) []byte {
	end := uint32(0) // of the last run
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n]-rows[0] == uint32(n) {
			n++
		}
		b = binary.AppendUvarint(b, uint64(rows[0]-end))
		b = binary.AppendUvarint(b, uint64(n))
		end = rows[n-1] + 1
		rows = rows[n:]
	}
	return b
}

// decodeRuns calls yield for each run [from, to) of the rows.
func decodeRuns(b []byte, yield func(from, to uint32)) error {
	d := decoder{b: b}
	for at := uint64(0); len(d.b) > 0 && !d.bad; {
		skip, n := d.uint(), d.uint()
		if d.bad || skip > SegmentRecords || n > SegmentRecords || at+skip+n > SegmentRecords {
			d.fail()
			break
		}
		yield(uint32(at+skip), uint32(at+skip+n))
		at += skip + n
	}
	if d.bad {
		return &farmtally.Error{Kind: farmtally.Corrupt, Message: "the catalog has a damaged list of replaced rows", Hint: "restore the data folder from a backup"}
	}
	return nil
}

// readDropped reads replaced rows, by segment, ascending.
func readDropped(ctx context.Context, tx *sql.Tx, where string, arg any) (map[int64][]uint32, error) {
	dropped := map[int64][]uint32{}
	untidy := map[int64]bool{}
	err := query(ctx, tx, func(rows *sql.Rows) error {
		var segment int64
		var row uint32
		var list []byte
		if err := rows.Scan(&segment, &row, &list); err != nil {
			return err
		}
		all := dropped[segment]
		if len(all) > 0 && (list != nil || row < all[len(all)-1]) {
			untidy[segment] = true // a list's rows may come before those that are there, or be among them
		}
		if list == nil {
			dropped[segment] = append(all, row)
			return nil
		}
		err := decodeRuns(list, func(from, to uint32) {
			all = slices.Grow(all, int(to-from))
			for ; from < to; from++ {
				all = append(all, from)
			}
		})
		dropped[segment] = all
		return err
	}, fmt.Sprintf(`SELECT segment_id, row, NULL FROM dropped %[1]s
		UNION ALL SELECT segment_id, 0, rows FROM drop_lists %[1]s`, where), arg)
	for segment := range untidy {
		slices.Sort(dropped[segment])
		dropped[segment] = slices.Compact(dropped[segment])
	}
	return dropped, err
}

// The segments of which readDropped reads.
const (
	ofSegment = "WHERE segment_id = ?1"
	ofFarm    = "JOIN segments USING (segment_id) WHERE farm_id = ?1"
)

// DroppedRows gives the segment's rows that were replaced, ascending.
func (t *Tx) DroppedRows(ctx context.Context, segment int64) ([]uint32, error) {
	dropped, err := readDropped(ctx, t.tx, ofSegment, segment)
	if err != nil {
		return nil, err
	}
	rows := slices.Concat(dropped[segment], t.dropping.of(segment))
	slices.Sort(rows)
	return slices.Compact(rows), nil
}

// listed are the rows of a segment's lists, a bit for each, of those lists that have been
// read.
type listed struct {
	last int64
	bits []uint64
}

func (l *listed) add(from, to uint32) {
	for ; from < to; from++ {
		for int(from/64) >= len(l.bits) {
			l.bits = append(l.bits, 0)
		}
		l.bits[from/64] |= 1 << (from % 64)
	}
}

func (l *listed) has(row uint32) bool {
	return int(row/64) < len(l.bits) && l.bits[row/64]&(1<<(row%64)) != 0
}

// Dropped reports whether a segment's row was replaced.
func (t *Tx) Dropped(ctx context.Context, segment int64, row int) (bool, error) {
	if t.dropping.has(segment, uint32(row)) { //nolint:gosec // a row's number
		return true, ctx.Err()
	}
	l, err := t.listed(ctx, segment)
	if err != nil || l.has(uint32(row)) { //nolint:gosec // a row's number
		return err == nil, err
	}
	var n int
	err = t.tx.QueryRowContext(ctx, "SELECT count(*) FROM dropped WHERE segment_id = ? AND row = ?", segment, row).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read dropped row: %w", explain(ctx, err))
	}
	return n > 0, nil
}

// listed gives the rows of the segment's lists. Those that have been read are not read again,
// for a list never changes.
func (t *Tx) listed(ctx context.Context, segment int64) (*listed, error) {
	l := t.catalog.listed[segment]
	if t.lists[segment] {
		return l, nil
	}
	if l == nil {
		l = &listed{}
		t.catalog.listed[segment] = l
	}
	err := query(ctx, t.tx, func(rows *sql.Rows) error {
		var id int64
		var list []byte
		if err := rows.Scan(&id, &list); err != nil {
			return err
		}
		if err := decodeRuns(list, l.add); err != nil {
			return err
		}
		l.last = id
		return nil
	}, "SELECT list_id, rows FROM drop_lists WHERE segment_id = ? AND list_id > ? ORDER BY list_id", segment, l.last)
	if err == nil {
		t.lists[segment] = true
	}
	return l, err
}
