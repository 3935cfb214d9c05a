package storage

import (
	"context"
	"testing"

	"github.com/farmtally/farmtally"
)

// The version is the same until something is written, here or elsewhere, and another
// then.
func TestVersion(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	c, other := open(t, dir), open(t, dir)
	version := func() int64 {
		v, err := c.Version(ctx)
		try(t, err)
		return v
	}
	last := version()
	for name, write := range map[string]func() error{
		"a key, here":      func() error { _, err := c.CreateKey(ctx, "a"); return err },
		"a key, elsewhere": func() error { _, err := other.CreateKey(ctx, "a"); return err },
		"a record": func() error {
			return other.Write(ctx, func(tx *Tx) error { return tx.PutHot(ctx, []farmtally.Record{ended("a", 1)}) })
		},
	} {
		if v := version(); v != last {
			t.Errorf("version %d, and %d before: nothing was written", v, last)
		}
		try(t, write())
		if v := version(); v == last {
			t.Errorf("version %d, although %s was written", v, name)
		} else {
			last = v
		}
	}
	try(t, c.watch.close()) // as where it broke
	if v := version(); v == last {
		t.Errorf("version %d of another connection", v)
	}
}
