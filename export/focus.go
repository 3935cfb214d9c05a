package export

import (
	"bufio"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/farmtally/farmtally"
)

// The versions of FOCUS, the FinOps Open Cost and Usage Specification, and the forms
// that its data sets are written in.
var (
	FocusVersions = []string{"1.2", "1.3"}
	FocusForms    = []string{"csv", "parquet"}
)

// FocusConfig says what a FOCUS data set is of. Form, Version, Grain and Farm are
// required.
type FocusConfig struct {
	Form    string           // one of FocusForms
	Version string           // one of FocusVersions
	Grain   farmtally.Period // Hourly or Daily: the longest charge period
	Farm    farmtally.Farm
	// Provider is who provides the farm, and bills for it; "" is the farm by its name.
	Provider   string
	Start, End farmtally.Instant // what of the records is charged: [Start, End)
	AsOf       farmtally.Instant // until when records that still run are charged
	// Rates are those of the farm's rate card by id. A record that one of them does not
	// price as it was priced is charged in dollars.
	Rates map[string]farmtally.Rate
	// UserNames are what people call users, by their ids.
	UserNames map[string]string
	// Spreadsheet makes CSV open right in Excel, as that of StatisticsConfig does.
	Spreadsheet bool
}

// FocusWriter writes records as a FOCUS data set: a row for each record and each hour or
// day, in UTC, that it meets. It is for one goroutine.
type FocusWriter struct {
	c       FocusConfig
	columns []focusColumn
	rows    int64

	csv     *bufio.Writer // or
	file    *columns
	line    []byte
	lineEnd string
	charge  charge
}

// NewFocusWriter begins a data set.
func NewFocusWriter(w io.Writer, c FocusConfig) (*FocusWriter, error) {
	if c.Provider == "" {
		c.Provider = c.Farm.Name
	}
	if c.Provider == "" {
		c.Provider = string(c.Farm.ID)
	}
	f := &FocusWriter{c: c, columns: focusColumnsOf(c.Version)}
	if c.Form == "csv" {
		f.csv = bufio.NewWriterSize(w, bufferBytes)
		f.line, f.lineEnd = csvForm(c.Spreadsheet)
		for i, column := range f.columns {
			if i > 0 {
				f.line = append(f.line, ',')
			}
			f.line = append(f.line, column.name...)
		}
		_, err := f.csv.Write(append(f.line, f.lineEnd...))
		return f, err
	}
	fields := make([]arrow.Field, len(f.columns))
	for i, column := range f.columns {
		fields[i] = arrow.Field{Name: column.name, Type: focusTypes[column.kind], Nullable: column.nullable}
	}
	var err error
	f.file, err = newColumns(w, arrow.NewSchema(fields, nil), columnsConfig{
		form: "parquet", plain: []string{"x_RecordId"}, about: []string{"FocusVersion", c.Version, "DataGenerator", "farmtally"},
	})
	return f, err
}

// Rows is how many rows were written.
func (f *FocusWriter) Rows() int64 { return f.rows }

// Write writes the rows of a record, of which it keeps nothing.
func (f *FocusWriter) Write(r *farmtally.Record) error {
	use := r.At(f.c.AsOf)
	if !use.Meets(f.c.Start, f.c.End) {
		return nil
	}
	f.charge.begin(&f.c, r, use)
	for at := max(f.c.Start, use.Start); ; {
		bucket := farmtally.BucketOf(f.c.Grain, 0, at)
		start := max(f.c.Start, farmtally.BucketStart(f.c.Grain, 0, bucket))
		end := min(f.c.End, farmtally.BucketStart(f.c.Grain, 0, bucket+1))
		if err := f.charge.slice(start, end); err != nil {
			return err
		}
		if err := f.row(); err != nil {
			return fmt.Errorf("write row of record %s: %w", r.RecordID, err)
		}
		if at = end; at >= min(f.c.End, use.End) {
			return nil
		}
	}
}

func (f *FocusWriter) row() error {
	f.rows++
	if f.csv != nil {
		return f.rowCSV()
	}
	to := f.file.cells()
	for _, column := range f.columns {
		switch cell := column.of(&f.charge); {
		case cell.absent():
			to.null()
		case column.kind == focusText:
			to.text(cell.text)
		case column.kind == focusInstant:
			to.instant(farmtally.Instant(cell.number.LowBits())) //nolint:gosec // made of an instant
		default:
			to.decimal(cell.number)
		}
	}
	return f.file.row()
}

func (f *FocusWriter) rowCSV() error {
	b := f.line[:0]
	for i, column := range f.columns {
		if i > 0 {
			b = append(b, ',')
		}
		switch cell := column.of(&f.charge); {
		case cell.absent():
		case column.kind == focusText:
			b = appendCell(b, harmless(cell.text))
		case column.kind == focusInstant:
			b = append(b, farmtally.Instant(cell.number.LowBits()).String()...) //nolint:gosec // made of an instant
		default:
			b = appendAmount(b, cell.number, focusDigits[column.kind])
		}
	}
	b = append(b, f.lineEnd...)
	f.line = b
	_, err := f.csv.Write(b)
	return err
}

// Close ends the data set; what it was written to stays open.
func (f *FocusWriter) Close() error {
	if f.csv != nil {
		return f.csv.Flush()
	}
	return f.file.Close()
}
