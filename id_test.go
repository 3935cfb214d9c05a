package farmtally_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

func TestIsID(t *testing.T) {
	for text, want := range map[string]bool{
		"farm-" + hex32: true, "farm-" + strings.Repeat("0", 32): true,
		"": false, "farm-": false, hex32: false, "queue-" + hex32: false, "farm-" + hex32[1:]: false, "farm-" + hex32 + "0": false,
		"farm-" + strings.ToUpper(hex32): false, "Farm-" + hex32: false, "farm_" + hex32: false, " farm-" + hex32: false, "farm-" + hex32 + "\n": false,
		"farm-" + hex32[:31] + "g": false, "farm-" + hex32[:30] + "é": false,
		"farm-01234567-89ab-cdef-0123-456789ab": false,
	} {
		if got := farmtally.IsID(farmtally.FarmPrefix, text); got != want {
			t.Errorf("IsID(%q) = %v", text, got)
		}
	}
}

// Ids that sources' names have once become must never change: data folders and
// users' scripts hold them.
func TestHashIDNeverChanges(t *testing.T) {
	for _, c := range []struct{ prefix, source, farm, name, want string }{
		{farmtally.FarmPrefix, "slurm", "phillips", "", "farm-216f9f40c9b64b75cdf9899eff7bdab9"},
		{farmtally.QueuePrefix, "slurm", "phillips", "debug", "queue-58c8f43d5920b817ddce74234b17e23c"},
		{farmtally.FleetPrefix, "slurm", "phillips", "phillips", "fleet-bec9b97df0a66576ad56bdad30f56120"},
		{farmtally.JobPrefix, "opencue", "küche", "テスト", "job-abb122b690a232396bf9aabbff4f1fcb"},
	} {
		if got := farmtally.HashID(c.prefix, c.source, c.farm, c.name); got != c.want || !farmtally.IsID(c.prefix, got) {
			t.Errorf("HashID(%q, %q, %q, %q) = %q, want %q", c.prefix, c.source, c.farm, c.name, got, c.want)
		}
	}
}

func TestHashIDTellsPartsApart(t *testing.T) {
	part := rapid.StringMatching(`[ab]{0,3}`)
	rapid.Check(t, func(t *rapid.T) {
		var a, b [3]string
		for i := range a {
			a[i], b[i] = part.Draw(t, "a"), part.Draw(t, "b")
		}
		same := farmtally.HashID(farmtally.JobPrefix, a[0], a[1], a[2]) == farmtally.HashID(farmtally.JobPrefix, b[0], b[1], b[2])
		if same != (a == b) {
			t.Fatalf("%q and %q have one id: %v", a, b, same)
		}
	})
	if farmtally.HashID(farmtally.FarmPrefix, "a", "b", "c")[5:] == farmtally.HashID(farmtally.JobPrefix, "a", "b", "c")[4:] {
		t.Error("a farm and a job of one name have the same digits")
	}
}
