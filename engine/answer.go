package engine

import (
	"sync/atomic"
	"unsafe"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
)

// answer is what a scan of a segment, or of the hot records, found. It holds nothing of
// the segment's file, and does not change.
type answer struct {
	*kernel.Partial
	texts [farmtally.MaxGroupBy][]string // by place, those alone that entries have, in the order of rows
	names atomic.Pointer[jobNames]
}

// jobNames are what the jobs of an answer were called when the catalog had counted so
// many renames.
type jobNames struct {
	renames string
	names   []string // by place; "" where the job has none
}

// newAnswer numbers the places anew, so that those alone are left that entries have.
func newAnswer(p *kernel.Partial, groups []coded) *answer {
	a := &answer{Partial: p}
	for g := range groups {
		numbers := make([]uint32, groups[g].texts.Len())
		for i := range p.Entries {
			numbers[p.Entries[i].Places[g]] = 1
		}
		for place, used := range numbers {
			if used == 1 {
				numbers[place] = uint32(len(a.texts[g])) //nolint:gosec // an index
				text := groups[g].text(uint32(place))
				a.texts[g] = append(a.texts[g], string([]byte(text)))
			}
		}
		for i := range p.Entries {
			place := &p.Entries[i].Places[g]
			*place = numbers[*place]
		}
	}
	return a
}

// bytes is the memory that the answer takes, without names.
func (a *answer) bytes() int64 {
	n := int64(unsafe.Sizeof(*a)) + sliceBytes(a.Runs) + sliceBytes(a.Entries) + sliceBytes(a.High)
	for _, texts := range a.texts {
		n += sliceBytes(texts)
		for _, text := range texts {
			n += int64(len(text))
		}
	}
	return n
}

func sliceBytes[T any](s []T) int64 {
	var one T
	return int64(cap(s)) * int64(unsafe.Sizeof(one)) //nolint:gosec // a size
}
