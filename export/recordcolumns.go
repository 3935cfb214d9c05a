package export

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/farmtally/farmtally"
)

// The types of the columns. Decimals are what programs that add money up read exactly;
// 19 digits hold every Money and every Quantity.
var (
	runtimeType  = &arrow.Decimal128Type{Precision: 18, Scale: 3}
	nanoType     = &arrow.Decimal128Type{Precision: 19, Scale: 9}
	recordSchema = makeRecordSchema()
)

// rateID is the column that CSV and NDJSON lack: what priced the record, null where its
// source named the cost. costInUsd has the cost in either case.
const rateID = "rateId"

func makeRecordSchema() *arrow.Schema {
	var fields []arrow.Field
	for _, name := range recordNames {
		f := arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: true}
		switch name {
		case "recordId", "farmId", "usageType":
			f.Nullable = false
		case "startedAt":
			f.Type, f.Nullable = instantType, false
		case "endedAt":
			f.Type = instantType
		case runtimeName:
			f.Type = runtimeType
		case costName, "cpus", "gpus", "memoryInGiB":
			f.Type = nanoType
		case "workers":
			f.Type, f.Nullable = nanoType, false
		}
		fields = append(fields, f)
	}
	return arrow.NewSchema(append(fields, arrow.Field{Name: rateID, Type: arrow.BinaryTypes.String, Nullable: true}), nil)
}

// recordColumns writes records as columns.
type recordColumns struct{ *columns }

func newRecordColumns(w io.Writer, form string) (RecordWriter, error) {
	c, err := newColumns(w, recordSchema, columnsConfig{form: form, plain: []string{"recordId"}, pack: true})
	return recordColumns{c}, err
}

// Write implements RecordWriter.
func (c recordColumns) Write(r *farmtally.Record) error {
	to := c.cells()
	for _, s := range [...]string{r.RecordID, string(r.FarmID), r.FarmName, string(r.QueueID), r.QueueName, string(r.FleetID),
		r.FleetName, string(r.JobID), r.JobName, r.UserID, r.UsageType.String(), r.InstanceType, r.LicenseProduct} {
		to.text(s)
	}
	to.instant(r.StartedAt)
	if r.Running {
		to.null()
	} else {
		to.instant(r.EndedAt)
	}
	to.integer(r.RuntimeMillis, r.HasRuntime)
	to.integer(int64(r.Cost), r.HasCost)
	to.integer(int64(r.Workers), true)
	to.integer(int64(r.CPUs), r.CPUs != 0)
	to.integer(int64(r.GPUs), r.GPUs != 0)
	to.integer(int64(r.MemoryInGiB), r.MemoryInGiB != 0)
	to.text(r.Rate.ID)
	return c.row()
}
