package main

import "testing"

func TestProgressFitsItsLine(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{{"4,096 rows read", 16, "4,096 rows read"}, {"4,096 rows read", 15, "4,096 rows rea"}, {"шот", 3, "шо"}, {"any", 1, ""}, {"any", 0, "any"}} {
		if got := fitting(c.text, c.columns); got != c.want {
			t.Errorf("%q in %d columns is %q, want %q", c.text, c.columns, got, c.want)
		}
	}
}
