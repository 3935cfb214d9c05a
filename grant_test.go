package farmtally_test

import (
	"testing"

	"github.com/farmtally/farmtally"
)

func TestGrants(t *testing.T) {
	const a, b = farmtally.FarmID("farm-a"), farmtally.FarmID("farm-b")
	for name, c := range map[string]struct {
		grants                     []farmtally.Grant
		readA, pushA, readB, pushB bool
		labelA                     bool
	}{
		"none":                        {},
		"owner of all":                {[]farmtally.Grant{{farmtally.EveryFarm, farmtally.Owner}}, true, true, true, true, true},
		"manager of one":              {[]farmtally.Grant{{a, farmtally.Manager}}, true, false, false, false, false},
		"writer of one":               {[]farmtally.Grant{{a, farmtally.Writer}}, false, true, false, false, false},
		"manager of all, writes one":  {[]farmtally.Grant{{farmtally.EveryFarm, farmtally.Manager}, {b, farmtally.Writer}}, true, false, true, true, false},
		"owner of one, writer of all": {[]farmtally.Grant{{a, farmtally.Owner}, {farmtally.EveryFarm, farmtally.Writer}}, true, true, false, true, true},
		"no role at all":              {[]farmtally.Grant{{a, 0}}, false, false, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			k := farmtally.AccessKey{Grants: c.grants}
			if k.MayRead(a) != c.readA || k.MayPush(a) != c.pushA || k.MayRead(b) != c.readB || k.MayPush(b) != c.pushB {
				t.Errorf("reads a %t, pushes a %t, reads b %t, pushes b %t", k.MayRead(a), k.MayPush(a), k.MayRead(b), k.MayPush(b))
			}
			if k.MayLabel(a) != c.labelA {
				t.Errorf("labels a %t", k.MayLabel(a))
			}
		})
	}
}

func TestRoleNames(t *testing.T) {
	for _, r := range []farmtally.Role{farmtally.Owner, farmtally.Manager, farmtally.Writer} {
		if got, err := farmtally.ParseRole(r.String()); err != nil || got != r {
			t.Errorf("%s reads as %s, %v", r, got, err)
		}
	}
	if _, err := farmtally.ParseRole("READER"); err == nil {
		t.Error("READER is a role")
	}
}
