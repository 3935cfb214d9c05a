package ingest

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/farmtally/farmtally"
)

// readColumns reads a file of columns, which is read at any place of it. Whatever is
// plainly right goes to the import as tables, all else row by row.
func (l *loader) readColumns(source columnSource, in io.ReadCloser) error {
	if c, ok := in.(*counted); ok {
		in = c.ReadCloser
	}
	f, ok := in.(File)
	if l.file == stdin {
		f, ok = l.cfg.Stdin.(File)
	}
	if !ok {
		return source.Read(l.ctx, in, l.row)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return source.Read(l.ctx, nil, l.row)
	}
	t := tableLoad{loader: l, rows: source.rows(l.row), size: size, before: l.bytes.Load()}
	tablers := sync.Pool{New: func() any { return source.tabler() }}
	convert := func(b *batch) {
		t := tablers.Get().(*tabler)
		t.convert(b)
		tablers.Put(t)
	}
	err = source.file(l.ctx, f, source.plan, convert, t.take)
	l.bytes.Store(t.before + size)
	return err
}

// tableLoad takes the batches of one file.
type tableLoad struct {
	*loader
	rows   *batchRowReader
	size   int64 // of the file
	before int64 // bytes of the files before
	done   int64 // rows
}

func (t *tableLoad) take(b *batch) error {
	if b.err != nil {
		return b.err
	}
	b.before = t.done
	for i := range b.parts {
		p := &b.parts[i]
		taken, err := t.table(p)
		if err == nil && !taken {
			err = t.byRows(b, p)
		}
		if err != nil {
			return err
		}
	}
	t.done += int64(b.rows)
	if b.of > 0 {
		t.bytes.Store(t.before + farmtally.Cum(t.size, t.done, b.of))
	}
	t.tell()
	return t.ctx.Err()
}

// table adds the part's table to the import, if it has one that can be priced.
func (t *tableLoad) table(p *part) (taken bool, err error) {
	if p.table == nil {
		return false, nil
	}
	if t.stopped = t.begin(); t.stopped != nil {
		return false, t.stopped
	}
	rates, ok, err := t.pricer.table(t.ctx, p.table, &p.prices)
	if err != nil || !ok {
		t.stopped = err
		return false, err
	}
	if err := t.to.AddTable(t.ctx, p.table); err != nil {
		t.stopped = fmt.Errorf("add records: %w", err)
		return false, t.stopped
	}
	n := int64(p.table.Len())
	t.Read += n
	for _, r := range rates {
		if r.ID == farmtally.Unpriced {
			t.Unpriced += r.rows
			t.unpriced.add(r.kind, r.rows)
		}
	}
	t.count(n, farmtally.Instant(slices.Min(p.table.StartedAt)), farmtally.Instant(slices.Max(p.table.EndedAt)))
	return true, nil
}

func (t *tableLoad) byRows(b *batch, p *part) error {
	if p.rows == nil {
		return t.rows.each(b, p.from, p.to)
	}
	for _, row := range p.rows {
		if err := t.rows.each(b, int(row), int(row)+1); err != nil {
			return err
		}
	}
	return nil
}
