package backendtest

import (
	"flag"
	"strconv"
	"testing"
)

// Checks makes rapid check each property of the test n times, with -short too, of which
// rapid makes a fifth. A property that says in the end what its draws covered wants that:
// the draws of twenty checks vary too much.
func Checks(t testing.TB, n int) {
	t.Helper()
	if testing.Short() {
		n *= 5
	}
	Rapid(t, "rapid.checks", strconv.Itoa(n))
}

// Rapid sets a flag of rapid for the test.
func Rapid(t testing.TB, name, value string) {
	t.Helper()
	before := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flag.Set(name, before); err != nil {
			t.Error(err)
		}
	})
}
