package farmtally

import "cmp"

// Row is one row of an answer: a bucket, a combination of group-by values, and the
// statistics of the samples there. One sample is one record's slice in one bucket.
type Row struct {
	// Start and End are the bucket's bounds, clipped to the query's range.
	Start, End Instant
	// Group holds the values of the query's dimensions in the order requested; ""
	// is the group of records that lack the dimension.
	Group [MaxGroupBy]string
	// JobName is the latest name of the job that Group holds, where it holds one.
	JobName string
	// Count is the number of samples, at least 1.
	Count   int64
	Cost    Stat // nano-dollars, before the farm's CostScale
	Runtime Stat // milliseconds
}

// Compare orders rows: by bucket start, then by the group-by values in byte order,
// the absent value last. No two rows of one answer compare equal.
func (r *Row) Compare(o *Row) int {
	if c := cmp.Compare(r.Start, o.Start); c != 0 {
		return c
	}
	for i := range r.Group {
		if c := CompareGroup(r.Group[i], o.Group[i]); c != 0 {
			return c
		}
	}
	return 0
}

// CompareGroup orders two values of a dimension: byte order, the absent value last.
func CompareGroup(a, b string) int {
	if (a == "") != (b == "") {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

// AddSample adds one record's slice to the row.
func (r *Row) AddSample(cost Money, runtimeMillis int64) {
	r.Cost.add(int64(cost), r.Count == 0)
	r.Runtime.add(runtimeMillis, r.Count == 0)
	r.Count++
}

// Merge adds the samples of a row that compares equal, of other records.
func (r *Row) Merge(o *Row) {
	r.Count += o.Count
	r.Cost.Merge(&o.Cost)
	r.Runtime.Merge(&o.Runtime)
}
