package ingest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/farmtally/farmtally"
)

// Unpriced is records that no rate matched, by what a rate would have to match.
type Unpriced struct {
	UsageType      string `json:"usageType"`
	InstanceType   string `json:"instanceType,omitempty"`
	LicenseProduct string `json:"licenseProduct,omitempty"`
	Records        int64  `json:"records"`
}

// mostKinds bounds how many kinds are told apart. The records of others are counted in
// Summary.Unpriced alone.
const mostKinds = 1000

// unpriced counts records that no rate matched, by their kind, which has no Records.
type unpriced map[Unpriced]int64

func (u unpriced) add(kind Unpriced, records int64) {
	if _, ok := u[kind]; ok || len(u) < mostKinds {
		u[kind] += records
	}
}

// list gives the kinds, the most frequent first.
func (u unpriced) list() []Unpriced {
	list := slices.Collect(maps.Keys(u))
	for i := range list {
		list[i].Records = u[list[i]]
	}
	slices.SortFunc(list, func(a, b Unpriced) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), cmp.Compare(a.UsageType, b.UsageType),
			cmp.Compare(a.LicenseProduct, b.LicenseProduct), cmp.Compare(a.InstanceType, b.InstanceType))
	})
	return list
}

func kindOf(r *farmtally.Record) Unpriced {
	return Unpriced{UsageType: r.UsageType.String(), InstanceType: r.InstanceType, LicenseProduct: r.LicenseProduct}
}
