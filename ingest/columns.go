package ingest

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/farmtally/farmtally"
)

// Columns says which column of a file of columns has which field of a record. A field
// that it does not name has the column of the field's own name.
type Columns map[string]ColumnRef

// ColumnRef is a column, and the unit of the whole numbers in it.
type ColumnRef struct {
	Name   string
	Digits int  // the numbers count 10^-Digits of the field's unit
	Unit   bool // Digits is given
}

// columnUnits are the units of whole numbers, as powers of ten.
var columnUnits = map[string]int{"s": 0, "ms": 3, "us": 6, "ns": 9, "usd": 0, "cent": 2, "milli": 3, "micro": 6, "nano": 9}

// ParseColumns reads field=column[:unit],…; its error is a *farmtally.Error of Kind
// Invalid.
func ParseColumns(s string) (Columns, error) {
	columns := Columns{}
	for pair := range strings.SplitSeq(s, ",") {
		if pair == "" {
			continue
		}
		field, name, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, farmtally.Errorf(farmtally.Invalid, "%s must be field=column or field=column:unit", quoted(pair))
		}
		if _, known := fieldsByName[field]; !known && field != rateField {
			return nil, farmtally.Errorf(farmtally.Invalid, "%s %s", quoted(field), unknownField("field", field))
		}
		if _, twice := columns[field]; twice {
			return nil, farmtally.Errorf(farmtally.Invalid, "%s is there twice", field)
		}
		ref := ColumnRef{Name: name}
		if at := strings.LastIndexByte(name, ':'); at > 0 {
			digits, known := columnUnits[name[at+1:]]
			if !known {
				return nil, farmtally.Errorf(farmtally.Invalid, "%s has no unit that is known: s, ms, us, ns, usd, cent, milli, micro or nano", quoted(pair))
			}
			ref = ColumnRef{name[:at], digits, true}
		}
		columns[field] = ref
	}
	return columns, nil
}

// rateField is the column of what priced a record: its cost is no cost of its own.
const rateField = "rateId"

// batch is some rows of a file of columns.
type batch struct {
	rows    int
	before  int64                   // the rows of the file before them, known when the batch is yielded
	of      int64                   // the rows of the file; 0 where that is not known
	columns [fieldCount + 1]*vector // by field, and that of rateField; nil: none
	parts   []part                  // what a load makes of it; nil: all by its rows
	err     error                   // columns that can't have their fields
}

// columnFile reads the batches of a file, and yields them in order. It calls convert for
// each of them before, for several at once and in no order.
type columnFile func(ctx context.Context, in File, plan func(names []string) (fields []int, err error),
	convert func(*batch), yield func(*batch) error) error

// File is a file that can be read at any place.
type File interface {
	io.ReaderAt
	io.ReadSeeker
}

// columnSource reads records from a file of columns.
type columnSource struct {
	farm, kind string
	columns    Columns
	file       columnFile
	slow       bool // only by way of texts; for tests
	least      int  // as leastTable; 0 is that
}

// Read implements Source. The stream must be a File.
func (c columnSource) Read(ctx context.Context, r io.Reader, yield func(*Row) error) error {
	in, ok := r.(File)
	if !ok {
		return farmtally.Errorf(farmtally.Invalid, "must be a file that can be read at any place, and no pipe")
	}
	rows, before := c.rows(yield), int64(0)
	return c.file(ctx, in, c.plan, func(b *batch) { b.err = c.scale(b) }, func(b *batch) error {
		if b.err != nil {
			return b.err
		}
		b.before = before
		before += int64(b.rows)
		if err := rows.each(b, 0, b.rows); err != nil {
			return err
		}
		return ctx.Err()
	})
}

// batchRowReader reads batches row by row.
type batchRowReader struct {
	schema schema
	fast   fastColumns
	slow   bool
	yield  func(*Row) error
	row    Row
	record farmtally.Record
}

func (c columnSource) rows(yield func(*Row) error) *batchRowReader {
	r := &batchRowReader{schema: newSchema(c.farm, c.kind), slow: c.slow, yield: yield}
	r.fast.schema = &r.schema
	return r
}

// each yields rows of the batch.
func (r *batchRowReader) each(b *batch, from, to int) error {
	for i := from; i < to; i++ {
		r.row.begin(b.before + int64(i) + 1)
		if !r.slow && r.fast.record(b, i, &r.record) {
			r.row.Records = append(r.row.Records, r.record)
		} else {
			r.schema.columns(&r.row, b, i)
		}
		if err := r.yield(&r.row); err != nil {
			return err
		}
	}
	return nil
}

// columns adds the record of a row of the batch, by way of its texts.
func (s *schema) columns(row *Row, b *batch, i int) {
	var v values
	for field := range v {
		v[field] = b.columns[field].text(i)
	}
	if b.columns[fieldCount].text(i) != "" {
		v[costInUSD] = ""
	}
	s.record(row, &v)
}

// plan gives the field of each column, and −1 where it has none.
func (c columnSource) plan(names []string) ([]int, error) {
	e := farmtally.Errorf(farmtally.Invalid, "has not the columns of usage records")
	fault := func(name, message string) {
		e.Fields = append(e.Fields, farmtally.Field{Name: quotedName(name), Message: message})
	}
	wanted := map[string]int{}
	for field := range fieldCount + 1 {
		name := columnField(field)
		if ref, mapped := c.columns[name]; mapped {
			name = ref.Name
		}
		wanted[name] = field
	}
	fields, seen := make([]int, len(names)), map[int]bool{}
	for i, name := range names {
		field, known := wanted[name]
		switch {
		case !known && len(c.columns) == 0:
			fault(name, unknownField("column", name)+"; --columns says which columns have which fields, and then others are ignored")
		case known && seen[field]:
			fault(name, "is there twice")
		}
		if fields[i] = field; !known {
			fields[i] = -1
			continue
		}
		seen[field] = true
	}
	for field := range c.columns {
		if at, known := fieldsByName[field]; known && !seen[at] {
			fault(c.columns[field].Name, "is no column of the file")
		}
	}
	for _, field := range []int{recordID, usageType, startedAt} {
		if !seen[field] {
			fault(fieldNames[field], "is a column that every record needs")
		}
	}
	if !seen[farmID] && c.farm == "" {
		fault("farmId", "is needed as a column, for no farm was named for the whole file")
	}
	if !seen[queueID] && !seen[fleetID] {
		fault("queueId", "or fleetId is needed as a column")
	}
	if len(e.Fields) > 0 {
		return nil, e
	}
	return fields, nil
}

func columnField(field int) string {
	if field == fieldCount {
		return rateField
	}
	return fieldNames[field]
}

// scale gives the numbers of the batch the units of Columns, and refuses types that a
// field can't have.
func (c columnSource) scale(b *batch) error {
	for field, v := range b.columns {
		if v == nil || v.kind == ofTexts {
			continue
		}
		name := columnField(field)
		ref := c.columns[name]
		if v.kind == ofNumbers && ref.Unit {
			v.digits += ref.Digits
		}
		instant := field == startedAt || field == endedAt
		switch {
		case instant && v.kind == ofNumbers && ref.Unit:
			v.kind, v.digits = ofInstants, ref.Digits
		case instant && v.kind == ofInstants, field < fieldCount && isDecimal(field) && v.kind != ofInstants:
		case !instant && (field == fieldCount || !isDecimal(field)) && v.kind == ofNumbers && v.digits == 0:
		case instant:
			return typeFault(name, "must hold timestamps, RFC 3339 texts, or whole numbers with a unit, as in --columns "+name+"=COLUMN:ms")
		case field < fieldCount && isDecimal(field):
			return typeFault(name, "must hold numbers or texts of decimal numbers")
		default:
			return typeFault(name, "must hold texts")
		}
	}
	return nil
}

func typeFault(name, message string) error {
	e := farmtally.Errorf(farmtally.Invalid, "has a column of the wrong type")
	e.Fields = []farmtally.Field{{Name: name, Message: message}}
	return e
}

// guarded runs what reads a file, and makes a panic over damaged bytes an error.
func guarded(format string, read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damagedFile(format, fmt.Errorf("%v", p))
		}
	}()
	return read()
}

func damagedFile(format string, cause error) error {
	e := farmtally.Errorf(farmtally.Invalid, "is no whole %s file: it was cut off or damaged, or has another format", format)
	e.Err = cause
	return e
}

// maxAllocation bounds what one buffer of a file may claim to need.
const maxAllocation = 1 << 30
