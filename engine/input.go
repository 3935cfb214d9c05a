package engine

import (
	"cmp"
	"math"
	"slices"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
	"github.com/farmtally/farmtally/storage"
)

// input is what an aggregation reads of one segment, or of the hot records.
type input struct {
	starts              []int64
	wall, runtime, cost kernel.Column
	resource            coded
	group               []coded
	rate                *coded // nil where no record is unpriced
	end                 farmtally.Instant
	maxWall             int64
	part                *part // nil for the hot records
}

// coded is a column of codes for texts. Where some record has no value, texts[0]
// is "".
type coded struct {
	codes kernel.Column
	texts []string
}

// columnOf is where a segment has a dimension.
var columnOf = map[farmtally.Dimension]storage.Column{
	farmtally.ByQueue: storage.ColQueue, farmtally.ByFleet: storage.ColFleet, farmtally.ByJob: storage.ColJob,
	farmtally.ByUser: storage.ColUser, farmtally.ByUsageType: storage.ColUsageType,
	farmtally.ByInstanceType: storage.ColInstanceType, farmtally.ByLicenseProduct: storage.ColLicenseProduct,
}

// resourceOf is the dimension that the query filters by.
func resourceOf(q *farmtally.Query) farmtally.Dimension {
	if len(q.QueueIDs) > 0 {
		return farmtally.ByQueue
	}
	return farmtally.ByFleet
}

// segmentInput opens the columns that the query needs.
func segmentInput(q *farmtally.Query, p *part) (in *input, err error) {
	info := &p.segment.Info
	in = &input{part: p, end: info.End, maxWall: info.MaxWall}
	if in.starts, err = p.segment.Starts(); err != nil {
		return nil, err
	}
	for c, column := range map[storage.Column]*kernel.Column{
		storage.ColWall: &in.wall, storage.ColRuntime: &in.runtime, storage.ColCost: &in.cost,
	} {
		numbers, err := p.segment.Numbers(c)
		if err != nil {
			return nil, err
		}
		*column = unsigned(numbers)
	}
	if in.resource, err = segmentCodes(p.segment, columnOf[resourceOf(q)]); err != nil {
		return nil, err
	}
	for _, d := range q.GroupBy {
		column, err := segmentCodes(p.segment, columnOf[d])
		if err != nil {
			return nil, err
		}
		in.group = append(in.group, column)
	}
	if info.Unpriced > 0 {
		rate, err := segmentCodes(p.segment, storage.ColRate)
		if err != nil {
			return nil, err
		}
		in.rate = &rate
	}
	return in, nil
}

func segmentCodes(s *storage.Segment, c storage.Column) (coded, error) {
	codes, texts, err := s.Codes(c)
	if err != nil {
		return coded{}, err
	}
	return coded{unsigned(codes), texts}, nil
}

func unsigned(values any) kernel.Column {
	switch v := values.(type) {
	case []uint8:
		return kernel.Unsigned[uint8](v)
	case []uint16:
		return kernel.Unsigned[uint16](v)
	case []uint32:
		return kernel.Unsigned[uint32](v)
	default:
		return kernel.Unsigned[uint64](v.([]uint64))
	}
}

// hotInput lays out the hot records, as they are at the query's AsOf, as columns.
func hotInput(q *farmtally.Query, records []farmtally.Record) *input {
	in := &input{}
	var wall, runtime, cost kernel.Unsigned[uint64]
	for i := range records {
		use := records[i].At(q.AsOf)
		length := int64(use.End - use.Start)
		in.starts = append(in.starts, int64(use.Start))
		wall = append(wall, uint64(length))                  //nolint:gosec // never negative
		runtime = append(runtime, uint64(use.RuntimeMillis)) //nolint:gosec // never negative
		cost = append(cost, uint64(use.Cost))                //nolint:gosec // never negative
		in.end, in.maxWall = max(in.end, use.End), max(in.maxWall, length)
	}
	in.wall, in.runtime, in.cost = wall, runtime, cost
	resource := resourceOf(q)
	in.resource = encode(records, func(r *farmtally.Record) string { return r.Value(resource) })
	for _, d := range q.GroupBy {
		in.group = append(in.group, encode(records, func(r *farmtally.Record) string { return r.Value(d) }))
	}
	rate := encode(records, func(r *farmtally.Record) string { return r.Rate.ID })
	in.rate = &rate
	return in
}

// encode makes a coded column of the records' values.
func encode(records []farmtally.Record, value func(*farmtally.Record) string) coded {
	var texts []string
	for i := range records {
		texts = append(texts, value(&records[i]))
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	codes := make(kernel.Unsigned[uint32], len(records))
	for i := range records {
		code, _ := slices.BinarySearch(texts, value(&records[i]))
		codes[i] = uint32(code) //nolint:gosec // an index
	}
	return coded{codes, texts}
}

// ranking numbers the values of a dimension in the order of an answer's rows: byte
// order, the absent value last.
type ranking struct{ texts []string }

// rank makes the ranking of all inputs' values, whose texts it clones, for those of
// a segment lie in its file.
func rank(inputs []*input, group int) ranking {
	seen := map[string]struct{}{}
	for _, in := range inputs {
		for _, text := range in.group[group].texts {
			seen[text] = struct{}{}
		}
	}
	texts := make([]string, 0, len(seen))
	for text := range seen {
		texts = append(texts, string([]byte(text)))
	}
	slices.SortFunc(texts, farmtally.CompareGroup)
	return ranking{texts}
}

// local gives, by the code of an input's column, the value's place among that
// input's values in the order of rows, and by that place the value's rank.
func (r ranking) local(texts []string) (places, ranks []uint32) {
	places, ranks = make([]uint32, len(texts)), make([]uint32, len(texts))
	absent := 0
	if len(texts) > 0 && texts[0] == "" {
		absent = 1
		places[0] = uint32(len(texts) - 1)             //nolint:gosec // an index
		ranks[len(texts)-1] = uint32(len(r.texts) - 1) //nolint:gosec // the absent value ranks last
	}
	at := 0
	for code := absent; code < len(texts); code++ {
		for r.texts[at] != texts[code] {
			at++
		}
		places[code], ranks[code-absent] = uint32(code-absent), uint32(at) //nolint:gosec // indices
	}
	return places, ranks
}

// wanted marks the codes of the query's queues or fleets.
func wanted(q *farmtally.Query, texts []string) (mark []bool, some bool) {
	mark = make([]bool, len(texts))
	set := func(id string) {
		if code, ok := slices.BinarySearch(texts, id); ok {
			mark[code], some = true, true
		}
	}
	for _, id := range q.QueueIDs {
		set(string(id))
	}
	for _, id := range q.FleetIDs {
		set(string(id))
	}
	return mark, some
}

// maxBuckets bounds the buckets between the first and the last record of an
// answer: 478 years of hours.
const maxBuckets = 1 << 22

// buckets cuts the part of the query's range in which the inputs have records. It
// gives the number of the first bucket, and false where there is no such part.
func buckets(q *farmtally.Query, inputs []*input) (b kernel.Buckets, first int64, some bool, err error) {
	from, to := farmtally.Instant(math.MaxInt64), farmtally.Instant(math.MinInt64)
	for _, in := range inputs {
		from, to = min(from, farmtally.Instant(in.starts[0])), max(to, in.end+1)
	}
	from, to = max(from, q.Start), min(to, q.End)
	if from >= to {
		return b, 0, false, nil
	}
	first = farmtally.BucketOf(q.Period, q.Zone, from)
	last := farmtally.BucketOf(q.Period, q.Zone, to-1)
	if last-first >= maxBuckets {
		return b, 0, false, tooLarge("the records span %d buckets, and at most %d are allowed", last-first+1, maxBuckets)
	}
	bounds := []int64{int64(from)}
	for number := first + 1; number <= last; number++ {
		bounds = append(bounds, int64(farmtally.BucketStart(q.Period, q.Zone, number)))
	}
	return kernel.NewBuckets(append(bounds, int64(to))), first, true, nil
}

// unpricedCode gives the code of the records that no rate matched.
func (in *input) unpricedCode() (column kernel.Column, code uint32) {
	if in.rate == nil {
		return nil, 0
	}
	at, ok := slices.BinarySearchFunc(in.rate.texts, farmtally.Unpriced, cmp.Compare[string])
	if !ok {
		return nil, 0
	}
	return in.rate.codes, uint32(at) //nolint:gosec // an index
}
