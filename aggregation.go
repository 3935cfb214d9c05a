package farmtally

// Status is the state of an aggregation.
type Status int

// The states of AWS's model.
const (
	InProgress Status = iota + 1
	Completed
	Failed
	TimedOut
)

// Aggregation is one accepted StartSessionsStatisticsAggregation. Its Query's AsOf
// is the instant at which it was accepted.
type Aggregation struct {
	ID        string // 32 lower-case hexadecimal digits
	Query     Query
	CostScale CostScale // the farm's at Start, which all pages of the answer use
	Status    Status
	Message   string // statusMessage, or ""
	Rows      int64  // of a Completed aggregation
}

// AggregationType is AWS's resourceType of an aggregation that was not found.
const AggregationType = "sessions-statistics-aggregation"
