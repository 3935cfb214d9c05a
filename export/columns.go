package export

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/farmtally/farmtally"
)

// groupRecords is how many records are written at once: a row group of Parquet, a
// batch of Arrow. It bounds a writer's memory.
const groupRecords = 1 << 17

// The types of the columns. Decimals are what programs that add money up read exactly;
// 19 digits hold every Money and every Quantity.
var (
	instantType  = &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
	runtimeType  = &arrow.Decimal128Type{Precision: 18, Scale: 3}
	nanoType     = &arrow.Decimal128Type{Precision: 19, Scale: 9}
	columnSchema = makeColumnSchema()
)

// rateID is the column that RecordColumns lacks: what priced the record, null where its
// source named the cost. costInUsd has the cost in either case.
const rateID = "rateId"

func makeColumnSchema() *arrow.Schema {
	var fields []arrow.Field
	for _, name := range RecordColumns {
		f := arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: true}
		switch name {
		case "recordId", "farmId", "usageType":
			f.Nullable = false
		case "startedAt":
			f.Type, f.Nullable = instantType, false
		case "endedAt":
			f.Type = instantType
		case "runtimeInSeconds":
			f.Type = runtimeType
		case "costInUsd", "cpus", "gpus", "memoryInGiB":
			f.Type = nanoType
		case "workers":
			f.Type, f.Nullable = nanoType, false
		}
		fields = append(fields, f)
	}
	return arrow.NewSchema(append(fields, arrow.Field{Name: rateID, Type: arrow.BinaryTypes.String, Nullable: true}), nil)
}

// columnBuilder collects records as columns.
type columnBuilder struct{ *array.RecordBuilder }

func newColumnBuilder() columnBuilder {
	return columnBuilder{array.NewRecordBuilder(memory.DefaultAllocator, columnSchema)}
}

func (b columnBuilder) add(r *farmtally.Record) {
	at := 0
	next := func() array.Builder { at++; return b.Field(at - 1) }
	text := func(s string) {
		to := next().(*array.StringBuilder)
		if s == "" && columnSchema.Field(at-1).Nullable {
			to.AppendNull()
		} else {
			to.Append(s)
		}
	}
	decimal := func(v int64, present bool) {
		to := next().(*array.Decimal128Builder)
		if present {
			to.Append(decimal128.FromI64(v))
		} else {
			to.AppendNull()
		}
	}
	for _, s := range [...]string{r.RecordID, string(r.FarmID), r.FarmName, string(r.QueueID), r.QueueName, string(r.FleetID),
		r.FleetName, string(r.JobID), r.JobName, r.UserID, r.UsageType.String(), r.InstanceType, r.LicenseProduct} {
		text(s)
	}
	next().(*array.TimestampBuilder).Append(arrow.Timestamp(r.StartedAt))
	if end := next().(*array.TimestampBuilder); r.Running {
		end.AppendNull()
	} else {
		end.Append(arrow.Timestamp(r.EndedAt))
	}
	decimal(r.RuntimeMillis, r.HasRuntime)
	decimal(int64(r.Cost), r.HasCost)
	decimal(int64(r.Workers), true)
	decimal(int64(r.CPUs), r.CPUs != 0)
	decimal(int64(r.GPUs), r.GPUs != 0)
	decimal(int64(r.MemoryInGiB), r.MemoryInGiB != 0)
	text(r.Rate.ID)
}
