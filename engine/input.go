package engine

import (
	"sort"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
	"github.com/farmtally/farmtally/storage"
)

// input is a part, or running records, as one query reads it.
type input struct {
	part                *part // nil for running records
	starts              []int64
	wall, runtime, cost kernel.Column
	maxWall             int64
	resource            coded
	group               []coded
	rate                *coded // nil where no record is unpriced
}

// coded is a column of codes for texts, which ascend. Where some record has no value,
// the first text is "".
type coded struct {
	codes kernel.Column
	texts storage.Texts
}

// memoryTexts are Texts in memory.
type memoryTexts []string

func (l memoryTexts) Len() int              { return len(l) }
func (l memoryTexts) Value(code int) string { return l[code] }

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

// input opens the columns that the query needs.
func (p *part) input(q *farmtally.Query) (in *input, err error) {
	if p.hot != nil {
		return p.hot.input(q, p), nil
	}
	in = &input{part: p, maxWall: p.info.MaxWall}
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
	if in.group, err = p.groups(q); err != nil {
		return nil, err
	}
	if p.info.Unpriced > 0 {
		rate, err := segmentCodes(p.segment, storage.ColRate)
		if err != nil {
			return nil, err
		}
		in.rate = &rate
	}
	return in, nil
}

// groups opens the columns of the query's groups.
func (p *part) groups(q *farmtally.Query) (groups []coded, err error) {
	if p.hot != nil {
		return p.hot.input(q, p).group, nil
	}
	for _, d := range q.GroupBy {
		column, err := segmentCodes(p.segment, columnOf[d])
		if err != nil {
			return nil, err
		}
		groups = append(groups, column)
	}
	return groups, nil
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

// find gives the code of a text.
func (c *coded) find(text string) (code int, found bool) {
	code = sort.Search(c.texts.Len(), func(i int) bool { return c.texts.Value(i) >= text })
	return code, code < c.texts.Len() && c.texts.Value(code) == text
}

// absent reports whether some record has no value.
func (c *coded) absent() bool { return c.texts.Len() > 0 && c.texts.Value(0) == "" }

// places gives each code's place in the order of rows: byte order, the absent value
// last.
func (c *coded) places() []uint32 {
	n, shift := c.texts.Len(), 0
	if c.absent() {
		shift = 1
	}
	places := make([]uint32, n)
	for code := shift; code < n; code++ {
		places[code] = uint32(code - shift) //nolint:gosec // an index
	}
	if shift == 1 {
		places[0] = uint32(n - 1) //nolint:gosec // an index
	}
	return places
}

// text gives the text of a place. It lies in the segment's file.
func (c *coded) text(place uint32) string {
	switch {
	case !c.absent():
		return c.texts.Value(int(place))
	case int(place) == c.texts.Len()-1:
		return ""
	default:
		return c.texts.Value(int(place) + 1)
	}
}

// wanted marks the codes of the query's queues or fleets.
func (in *input) wanted(q *farmtally.Query) (marks []uint8, some bool) {
	marks = make([]uint8, in.resource.texts.Len())
	set := func(id string) {
		if code, ok := in.resource.find(id); ok {
			marks[code], some = 1, true
		}
	}
	for _, id := range q.QueueIDs {
		set(string(id))
	}
	for _, id := range q.FleetIDs {
		set(string(id))
	}
	return marks, some
}

// scan makes the query a question to the input, false where none of its records is
// selected. The zones are still to be set.
func (in *input) scan(q *farmtally.Query) (s *kernel.Scan, some bool) {
	s = &kernel.Scan{
		Starts: in.starts, Wall: in.wall, Runtime: in.runtime, Cost: in.cost, Resource: in.resource.codes,
		Start: int64(q.Start), End: int64(q.End), Period: q.Period, Zone: q.Zone,
	}
	if s.Wanted, some = in.wanted(q); !some {
		return nil, false
	}
	if in.part != nil {
		s.Dropped = in.part.dropped
	}
	for i := range in.group {
		s.Group[i], s.Places[i] = in.group[i].codes, in.group[i].places()
	}
	if in.rate != nil {
		if code, found := in.rate.find(farmtally.Unpriced); found {
			s.Rate, s.Unpriced = in.rate.codes, uint32(code) //nolint:gosec // an index
		}
	}
	return s, true
}
